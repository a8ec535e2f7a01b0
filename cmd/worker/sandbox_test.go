package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

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
