package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
)

func encodeGBK(text string) (string, error) {
	return simplifiedchinese.GBK.NewEncoder().String(text)
}

// summary runs enqueue --json and reads what it prints.
func (s site) summary(t *testing.T, args ...string) (sum intake.Summary, stderr string) {
	t.Helper()
	var errs strings.Builder
	cmd := exec.CommandContext(t.Context(), program, append(args, "--json")...)
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, s.env, &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s", err, errs.String())
	}
	var read struct {
		intake.Summary
		ETA *string `json:"eta"`
	}
	if err := json.Unmarshal(out, &read); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return read.Summary, errs.String()
}

// Two processes hand the same 3,000 rows over at once: each is accepted once, and all stand on the belt
// in the file's order.
func TestSameFileByTwoProcesses(t *testing.T) {
	t.Parallel()
	const n = 3000
	redis := proctest.Redis(t)
	s := newSite(t, "redis://"+redis)
	var b strings.Builder
	b.WriteString("交易号,物流公司,运单号\n")
	for i := range n {
		fmt.Fprintf(&b, "%s,顺丰速运,SF%d\n", trade(i+1), i+1)
	}
	s.write(t, "in.csv", b.String())

	sums := make(chan intake.Summary)
	for range 2 {
		go func() {
			sum, _ := s.summary(t, "in.csv", "--batch", "b")
			sums <- sum
		}()
	}
	a, c := <-sums, <-sums
	if a.Accepted+c.Accepted != n || a.Already+c.Already != n || a.Refused() || c.Refused() {
		t.Errorf("got %+v and %+v", a, c)
	}
	ids, err := proctest.RedisClient(t, redis).LRange(t.Context(), "asynq:{ship-"+partner+"}:pending", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ids)
	if len(ids) != n {
		t.Fatalf("%d tasks", len(ids))
	}
	for i, id := range ids {
		if want := partner + ":" + trade(i+1); id != want {
			t.Fatalf("number %d in line is %s, want %s", i, id, want)
		}
	}
}

// A Redis that takes connections and never answers does not hang the command.
func TestHangingRedis(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	mute, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mute.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newSite(t, "redis://"+mute.Addr().String())
	s.write(t, "in.csv", "trade_no,logistics_name\n"+trade(1)+",SF\n")
	sum, stderr := s.summary(t, "in.csv")
	if sum.Accepted != 1 || !strings.Contains(stderr, "the worker will fetch it from the ledger") {
		t.Errorf("got %+v, %s", sum, stderr)
	}
}

// A signal while standard input is open ends the command: nothing has been accepted.
func TestInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	cmd := exec.CommandContext(t.Context(), program, "-", "--log-level", "debug")
	cmd.Dir, cmd.Env = s.dir, s.env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: once it is written, the command is reading.
	if _, err := stdin.Write([]byte(strings.Repeat("trade_no,logistics_name\n", 10_000))); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended as if it had been done")
	}
}

// wait sees what a worker does while it waits.
func TestWaitSeesTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://127.0.0.1:1")
	book := s.book(t)
	if err := book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: 1e10}}); err != nil {
		t.Fatal(err)
	}
	s.write(t, "in.csv", "trade_no,logistics_name\n"+trade(1)+",SF\n")
	s.summary(t, "in.csv", "--batch", "b")
	cmd := exec.CommandContext(t.Context(), program, "wait", "--batch", "b", "--timeout", "1m")
	cmd.Dir, cmd.Env = s.dir, s.env
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// It tells what it sees at first; from then on it is waiting.
	if line, err := bufio.NewReader(stderr).ReadString('\n'); err != nil || line != "batch b: 1 queued\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if err := move(t.Context(), book, partner+":"+trade(1), "shipped"); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
