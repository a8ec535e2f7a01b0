package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

func TestStopsGently(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	const n = 60 // so that some are left, however late the signals come
	s.accept(n)
	s.env = append(s.env, "FAHUO_CALL_TIMEOUT=20s") // each call is answered, by a slow machine, too
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := s.start()
		before := s.shipCalls()
		s.until("a few calls", time.Minute, func() bool { return s.shipCalls() >= before+3 })
		p.Signal(signal)
		if code := p.Exit(); code != 0 {
			t.Fatalf("exit %d after %v", code, signal)
		}
		if left := s.count(shipment.Calling); left != 0 {
			t.Fatalf("%d calls were left without an answer", left)
		}
	}
	s.start()
	s.until("all shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == n })
	s.lawful()
	if calls := s.shipCalls(); calls != n {
		t.Errorf("%d ship calls", calls)
	}
}

// The key is in the worker's memory and nowhere else (A2).
func TestTheKeyIsNowhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50*time.Millisecond, true)
	for i, kind := range alipaytest.Kinds() {
		f := alipaytest.Fault{TradeNo: parcels(i, i+1)[0].TradeNo, Kind: kind, Delay: 100 * time.Millisecond}
		if kind == alipaytest.ErrorCode {
			f.Code = "ILLEGAL_ARGUMENT"
		}
		s.gateway.Inject(f)
	}
	n := len(alipaytest.Kinds())
	s.accept(n)
	p := s.start("FAHUO_LOG_LEVEL=trace")
	s.until("every fault met", time.Minute, func() bool { return s.shipCalls() >= n })
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.Pid()))
	s.must(err)
	p.Signal(syscall.SIGQUIT) // a crash, with every goroutine's stack
	p.Exit()
	client := proctest.RedisClient(t, s.redis)
	s.must(client.Save(context.Background()).Err())
	places := map[string][]byte{"arguments": cmdline, "log and stacks": []byte(p.Output())}
	if !strings.Contains(p.Output(), "goroutine") || !strings.Contains(p.Output(), "ship call") {
		t.Error("neither stacks nor calls in the log: this test looks at nothing")
	}
	for _, dir := range []string{s.dir, client.ConfigGet(context.Background(), "dir").Val()["dir"]} {
		s.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "key" {
				return err
			}
			places[path], err = os.ReadFile(path) //nolint:gosec // the test's own directories
			return err
		}))
	}
	if len(places) < 5 {
		t.Errorf("only %d places to look at", len(places))
	}
	for place, content := range places {
		for _, secret := range []string{testKey, fmt.Sprintf("%x", testKey)} {
			if strings.Contains(string(content), secret) {
				t.Errorf("the key is in %s", place)
			}
		}
	}
	for _, a := range s.gateway.Arrivals() {
		if a.Params["sign"] != "" || a.Params["key"] != "" {
			t.Error("sent with the key")
		}
	}
}

func TestHealthReadinessMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	addr := "127.0.0.1:" + proctest.FreePort(t)
	s.accept(2)
	s.start("FAHUO_LISTEN=" + addr)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	ask := func(path string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		s.must(err)
		answer, err := http.DefaultClient.Do(request)
		s.must(err)
		body, err := io.ReadAll(answer.Body)
		s.must(errors.Join(err, answer.Body.Close()))
		return answer.StatusCode, string(body)
	}
	if code, body := ask("/healthz"); code != 200 {
		t.Errorf("/healthz: %d %s", code, body)
	}
	s.until("ready", time.Minute, func() bool { // as soon as the machine is quick enough for its limits
		code, body := ask("/readyz")
		return code == 200 && strings.Contains(body, "ledger")
	})
	code, body := ask("/metrics")
	for _, name := range []string{
		"fahuo_calls_total", "fahuo_call_seconds", "fahuo_gap_seconds", "fahuo_gap_short_total 0", "fahuo_late_writes_total 0", "fahuo_worker_alive 1",
		"fahuo_asynq_archived", "fahuo_ledger_seconds", "asynq_tasks_enqueued_total",
	} {
		if code != 200 || !strings.Contains(body, name) {
			t.Errorf("/metrics: %d, %s is missing", code, name)
		}
	}
	s.until("healthy", time.Minute, func() bool {
		code, _ := proctest.Run(t, s.dir, []string{"FAHUO_LISTEN=" + addr}, program, "healthcheck")
		return code == 0
	})
	if code, _ := proctest.Run(t, s.dir, []string{"FAHUO_LISTEN=127.0.0.1:1"}, program, "healthcheck"); code != 1 {
		t.Errorf("healthcheck of nothing: exit %d", code)
	}
}

// Two workers with the default address: the second works without health and metrics. An address that was
// asked for is another matter.
func TestASecondWorkerOnOneMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", defaultListen)
	if err != nil && !errors.Is(err, syscall.EADDRINUSE) { // in use is what is wanted
		t.Fatal(err)
	}
	if l != nil {
		defer func() { _ = l.Close() }()
	}
	s.start("FAHUO_LISTEN=" + defaultListen).WaitFor("somebody listens here already")
	s.accept(2)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	mine, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	s.must(err)
	defer func() { _ = mine.Close() }()
	code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), "FAHUO_LISTEN="+mine.Addr().String()), program, "run")
	if code != 2 || !strings.Contains(out, "FAHUO_LISTEN") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// Redis is away and metrics are asked for: what a library says about it is a line of JSON as all others.
func TestEveryLineOfTheLogIsJSON(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, false)
	port, addr := proctest.FreePort(t), "127.0.0.1:"+proctest.FreePort(t)
	redis := proctest.Start(t, s.dir, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
	redis.WaitFor("Ready to accept")
	p := s.start("REDIS_URL=redis://127.0.0.1:"+port, "FAHUO_LISTEN="+addr)
	p.WaitFor("working")
	redis.Kill()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	s.must(err)
	answer, err := http.DefaultClient.Do(request)
	s.must(err)
	s.must(answer.Body.Close())
	p.WaitFor("Failed to collect metrics data")
	p.Signal(syscall.SIGTERM)
	p.Exit()
	for line := range strings.Lines(p.Output()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
