package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

func TestThreeProcessesOnOneRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t, 200*time.Millisecond, true)
	s.accept(30)
	for range 3 {
		s.start()
	}
	s.until("all shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 30 })
	s.lawful()
	if n := s.shipCalls(); n != 30 {
		t.Errorf("%d ship calls for 30 shipments", n)
	}
}

func TestStopsGently(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	s.accept(20)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := s.start()
		before := s.shipCalls()
		s.until("a few calls", time.Minute, func() bool { return s.shipCalls() >= before+3 })
		p.Signal(signal)
		if code := p.Exit(); code != 0 {
			t.Fatalf("exit %d after %v", code, signal)
		}
		if n := s.count(shipment.Calling); n != 0 {
			t.Fatalf("%d calls were left without an answer", n)
		}
	}
	s.start()
	s.until("all shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 20 })
	s.lawful()
	if n := s.shipCalls(); n != 20 {
		t.Errorf("%d ship calls", n)
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

func TestConfigurationFaultsAreReportedTogether(t *testing.T) {
	dir := t.TempDir()
	code, out := proctest.Run(t, dir, []string{
		"ALIPAY_GATEWAY=http://mapi.alipay.com/gateway.do", "FAHUO_INTERVAL=1s", "FAHUO_CALL_TIMEOUT=0s", "FAHUO_RETRY_CAP=1s",
		"DATABASE_URL=mysql://x", "REDIS_URL=http://x", "FAHUO_LISTEN=nowhere", "ALIPAY_PARTNER=123", "ALIPAY_KEY=k",
	}, program, "run")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{
		"ALIPAY_GATEWAY", "FAHUO_INTERVAL", "FAHUO_CALL_TIMEOUT", "FAHUO_RETRY_CAP", "DATABASE_URL", "REDIS_URL", "FAHUO_LISTEN", "2088",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not reported: %s\n%s", want, out)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	good := []string{"ALIPAY_PARTNER=" + partner, "ALIPAY_KEY=" + testKey}
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"no account":              {nil, []string{"run"}, "no account is given"},
		"two sources":             {good, []string{"run", "--accounts", "x.yaml"}, "given twice"},
		"no such file":            {nil, []string{"run", "--accounts", "x.yaml"}, "x.yaml"},
		"unknown flag":            {good, []string{"run", "--speed", "9"}, "--speed"},
		"unknown command":         {good, []string{"fly"}, "fly"},
		"the key as a flag":       {good, []string{"run", "--key", "x"}, "--key"},
		"demo account":            {[]string{"ALIPAY_PARTNER=2088101122136241", "ALIPAY_KEY=" + testKey}, []string{"run"}, "3 %"},
		"an IP gateway":           {good, []string{"run", "--gateway", "https://110.75.132.1/gateway.do"}, "DNS name"},
		"sandbox and real ledger": {nil, []string{"--sandbox", "--ledger", "sqlite:x.db"}, "--ledger cannot be given"},
		"sandbox desk for all":    {nil, []string{"--sandbox", "--sandbox-desk", "0.0.0.0:8080"}, "--sandbox-desk"},
		"sandbox and accounts":    {nil, []string{"run", "--sandbox", "--accounts=x"}, "--accounts cannot be given"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out := proctest.Run(t, dir, c.env, program, c.args...)
			if code != 2 || !strings.Contains(out, c.want) || strings.Contains(out, testKey) {
				t.Errorf("exit %d, want 2 and %q:\n%s", code, c.want, out)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("wrong usage left files: %v %v", entries, err)
	}
}

func TestARedisOfAnotherLedgerIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	p := s.start()
	p.WaitFor("working")
	p.Signal(syscall.SIGTERM)
	p.Exit()
	other := "sqlite:" + filepath.Join(s.dir, "other.db")
	code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), "DATABASE_URL="+other), program, "run")
	if code != 2 || !strings.Contains(out, "other.db") || !strings.Contains(out, "fahuo.db") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// A ledger has one live belt. A second worker with another Redis is refused while the first says that it
// uses its own, and taken once the first, killed, says nothing more.
func TestASecondRedisIsRefusedWhileTheFirstIsInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	first := s.start()
	first.WaitFor("working")
	other := "REDIS_URL=redis://" + proctest.Redis(t)
	code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), other), program, "run")
	if code != 2 || !strings.Contains(out, s.redis) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	s.accept(2)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	s.accept(3)
	first.Kill()
	s.start(other)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 3 })
	s.lawful()
}

// A worker that is stopped gives the belt back: one with another Redis goes on at once. As long as any worker
// uses the belt, whoever has left it, another Redis is refused.
func TestTheBeltIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	first, second := s.start(), s.start()
	first.WaitFor("working")
	second.WaitFor("working")
	other := "REDIS_URL=redis://" + proctest.Redis(t)
	stop := func(p *proctest.Process) {
		p.Signal(syscall.SIGTERM)
		if code := p.Exit(); code != 0 {
			t.Fatalf("exit %d", code)
		}
	}
	stop(first)
	if code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), other), program, "run"); code != 2 || !strings.Contains(out, s.redis) {
		t.Errorf("one is left, and another Redis is taken: exit %d:\n%s", code, out)
	}
	stop(second)
	third := s.start(other)
	third.WaitFor("working")
	if strings.Contains(third.Output(), "waiting") || strings.Contains(third.Output(), "last used") {
		t.Errorf("it waited for workers that had stopped:\n%s", third.Output())
	}
	s.accept(2)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	third.Kill()
	fourth := s.start() // back to the first Redis: the killed one's word lapses
	fourth.WaitFor("last used by a worker")
	fourth.WaitFor("if it was stopped, this one goes on at")
	s.accept(3)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 3 })
	s.lawful()
}

func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	p := s.start()
	p.WaitFor("working")
	if code, out := proctest.Run(t, s.dir, s.env, program, "hold", partner, "--reason", "stocktaking"); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	s.accept(3)
	p.WaitFor("on hold")
	code, out := proctest.Run(t, s.dir, s.env, program, "accounts", "--json")
	if code != 0 || !strings.Contains(out, "stocktaking") || !strings.Contains(out, "manual") {
		t.Errorf("exit %d: %s", code, out)
	}
	if s.shipCalls() != 0 {
		t.Error("called while on hold")
	}
	for i, want := range []string{"is released", "was not on hold"} {
		if code, out := proctest.Run(t, s.dir, s.env, program, "release", partner); code != 0 || !strings.Contains(out, want) {
			t.Errorf("release %d: exit %d: %s", i+1, code, out)
		}
	}
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 3 })
	code, out = proctest.Run(t, s.dir, s.env, program, "release", "2088999999999999")
	if code != 1 || !strings.Contains(out, partner) {
		t.Errorf("an unknown account: exit %d: %s", code, out)
	}
}

// A slip in the address or the account must not look like a hold; holding ahead is asked for.
func TestHoldOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, time.Second, true)
	dir := t.TempDir()
	said := func(want int, text string, env []string, args ...string) {
		t.Helper()
		if code, out := proctest.Run(t, dir, env, program, args...); code != want || !strings.Contains(out, text) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s", args, code, want, text, out)
		}
	}
	nowhere := []string{"DATABASE_URL=sqlite:" + filepath.Join(dir, "new.db")}
	said(1, "there is no ledger at sqlite:", nowhere, "hold", partner, "--reason", "x")
	said(2, `"123" is not 16 digits`, nowhere, "hold", "123", "--reason", "x", "--ahead")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Fatalf("%v %v", left, err)
	}
	s.must(s.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Name: "旗舰店", Interval: time.Second}}))
	const stranger = "2088900000000009"
	said(1, "no worker has announced account "+stranger, s.env, "hold", stranger, "--reason", "x")
	said(1, "known: "+partner+" 旗舰店; to hold it before a worker first announces it, add --ahead", s.env, "hold", stranger, "--reason", "x")
	if ahead, err := s.book.HeldAhead(t.Context()); err != nil || len(ahead) > 0 {
		t.Errorf("%v %v", ahead, err)
	}
	said(0, "it is held from its first moment", nowhere, "hold", stranger, "--reason", "new ledger", "--ahead")
	said(0, "was on hold already since", nowhere, "hold", stranger, "--reason", "again")
	said(0, stranger+"  -         -        manual: new ledger", nowhere, "accounts")
	said(0, "see docs/operations.md#holds", nowhere, "accounts")
	said(0, `"announced": false`, nowhere, "accounts", "--json")
	said(0, "is released", nowhere, "release", stranger)
	said(1, "known: none", nowhere, "hold", stranger, "--reason", "x")
	said(0, "has announced an account to this ledger yet", nowhere, "accounts")
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
	if code, body := ask("/readyz"); code != 200 || !strings.Contains(body, "ledger") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	code, body := ask("/metrics")
	for _, name := range []string{
		"fahuo_calls_total", "fahuo_call_seconds", "fahuo_gap_seconds", "fahuo_gap_short_total 0", "fahuo_late_writes_total 0", "fahuo_worker_alive 1",
		"fahuo_asynq_archived", "fahuo_ledger_seconds", "asynq_tasks_enqueued_total",
	} {
		if code != 200 || !strings.Contains(body, name) {
			t.Errorf("/metrics: %d, %s is missing", code, name)
		}
	}
	if code, out := proctest.Run(t, s.dir, []string{"FAHUO_LISTEN=" + addr}, program, "healthcheck"); code != 0 {
		t.Errorf("healthcheck: exit %d: %s", code, out)
	}
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

func TestSandbox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--sandbox", "--interval", "100ms", "--retry-base", "1s", "--sandbox-desk", "off"}
	hostile := []string{"ALIPAY_GATEWAY=https://mapi.alipay.com/gateway.do", "REDIS_URL=redis://192.0.2.1", "DATABASE_URL=sqlite:real.db", "ALIPAY_PARTNER=x"}
	p := proctest.Start(t, dir, hostile, program, args...)
	p.WaitFor("SHIP")
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	p = proctest.Start(t, dir, hostile, program, args...)
	p.WaitFor("Going on where it stopped")
	p.WaitFor("The sample is settled")
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 0 {
		t.Fatalf("exit %d", code)
	}
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(dir, "sandbox", "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	counts, err := book.Counts(t.Context(), ledger.Scope{})
	if err != nil || counts[shipment.Shipped] != 9 || counts[shipment.Dead] != 3 {
		t.Errorf("%v %v", counts, err)
	}
	p = proctest.Start(t, dir, nil, program, args...)
	p.WaitFor("All 12 sample shipments are settled")
}

// A second sandbox in one directory has nothing to do with --redis.
func TestTwoSandboxesInOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--sandbox", "--interval", "1s"}
	first := proctest.Start(t, dir, nil, program, args...)
	first.WaitFor("SHIP")
	code, out := proctest.Run(t, dir, nil, program, args...)
	if code != 2 || !strings.Contains(out, "a sandbox is running in this directory already; stop it, or start this one in another directory") ||
		strings.Contains(out, "--redis") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	first.Signal(syscall.SIGINT)
	if code := first.Exit(); code != 0 {
		t.Errorf("the first one: exit %d", code)
	}
	again := proctest.Start(t, dir, nil, program, args...)
	again.WaitFor("Going on where it stopped")
	again.WaitFor("SHIP")
	if strings.Contains(again.Output(), "waiting") {
		t.Errorf("it waited for one that had stopped:\n%s", again.Output())
	}
}

// A key that is most likely wrong is told at the start, in a line.
func TestAKeyThatLooksWrongIsToldOf(t *testing.T) {
	t.Parallel()
	s := newSite(t, time.Second, true) // its test key has 33 characters
	p := s.start()
	p.WaitFor("working")
	if want := "its MD5 key has 33 characters"; strings.Count(p.Output(), want) != 1 {
		t.Errorf("%q is not there once:\n%s", want, p.Output())
	}
}

// A key that others may read is not used, and nothing is opened (A2).
func TestAKeyFileThatOthersMayReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(testKey), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out := proctest.Run(t, dir, []string{"ALIPAY_PARTNER=" + partner, "ALIPAY_KEY_FILE=" + key}, program, "run")
	if code != 2 || !strings.Contains(out, "(mode 0644)") || !strings.Contains(out, "chmod 600 "+key) || strings.Contains(out, testKey) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
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

var deskLine = regexp.MustCompile(`settle what is left: (http://127\.0\.0\.1:[0-9]+)\n  name (\w+), password (\w+)\n`)

// The sandbox serves the desk and prints how to get in; a port that is taken is no reason to stop.
func TestSandboxDesk(t *testing.T) {
	t.Parallel()
	p := proctest.Start(t, t.TempDir(), nil, program, "--sandbox", "--interval", "100ms", "--sandbox-desk", "127.0.0.1:0")
	p.WaitFor("SHIP")
	found := deskLine.FindStringSubmatch(p.Output())
	if found == nil {
		t.Fatal(p.Output())
	}
	body := strings.NewReader(url.Values{"name": {found[2]}, "password": {found[3]}}.Encode())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, found[1]+"/login", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusSeeOther || len(answer.Cookies()) == 0 {
		t.Errorf("%s %v", answer.Status, err)
	}
	other := proctest.Start(t, t.TempDir(), nil, program, "--sandbox", "--interval", "100ms", "--sandbox-desk", strings.TrimPrefix(found[1], "http://"))
	other.WaitFor("No desk: ")
	other.WaitFor("SHIP")
	for _, running := range []*proctest.Process{p, other} {
		running.Signal(syscall.SIGINT)
		if code := running.Exit(); code != 0 {
			t.Errorf("exit %d", code)
		}
	}
}

// Ledger and Redis may be away; the worker waits and goes on by itself.
func TestWaitsForRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, false)
	s.accept(2)
	port := proctest.FreePort(t)
	p := s.start("REDIS_URL=redis://127.0.0.1:" + port)
	p.WaitFor("waiting")
	embedded := proctest.Start(t, s.dir, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
	embedded.WaitFor("Ready to accept")
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	s.lawful()
}
