package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// checked is what `worker check` has to say, in this process.
type checked struct {
	code        int
	out, errors string
	statuses    map[string]string // by step, of --json
}

// check runs `worker check` with the site's environment.
func (s *site) check(env []string, args ...string) checked {
	s.t.Helper()
	t, ok := s.t.(*testing.T)
	if !ok {
		s.t.Fatal("for tests alone")
	}
	patient := append(slices.Clone(s.env), "FAHUO_CALL_TIMEOUT=30s") // what is not answered has failed
	for _, pair := range append(append([]string{"REDIS_URL=embedded"}, patient...), env...) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	c := checked{statuses: make(map[string]string)}
	c.code = run(t.Context(), append([]string{"check"}, args...), streams{&out, &errs})
	c.out, c.errors = out.String(), errs.String()
	var report struct {
		Steps []struct{ ID, Status string }
	}
	if json.Unmarshal(out.Bytes(), &report) == nil {
		for _, step := range report.Steps {
			c.statuses[step.ID] = step.Status
		}
	}
	return c
}

func TestCheckPasses(t *testing.T) {
	s := newSite(t, 100*time.Millisecond, true)
	c := s.check(nil, "--json")
	if c.code != 0 || c.errors != "" || c.statuses["key"] != "passed" || c.statuses["redis"] != "passed" || c.statuses["shipment"] != "skipped" {
		t.Errorf("exit %d: %s\n%s", c.code, c.errors, c.out)
	}
	if n := s.shipCalls(); n != 0 {
		t.Errorf("%d ship calls", n)
	}
	if c := s.check(nil); c.code != 0 || !strings.Contains(c.out, "0 failed") || strings.Contains(c.out, testKey) {
		t.Errorf("exit %d:\n%s", c.code, c.out)
	}
}

// Beside running workers that have a queue, told twice: the trade is called once, in the pace.
func TestCheckShipsOnceBesideWorkers(t *testing.T) {
	s := newSite(t, 200*time.Millisecond, true)
	s.accept(10)
	s.start()
	s.until("the first call", time.Minute, func() bool { return s.shipCalls() > 0 })
	args := []string{"--json", "--trade-no", parcels(77, 78)[0].TradeNo, "--ship", "顺丰速运", "--invoice-no", "SF77"}
	for range 2 {
		if c := s.check(nil, args...); c.code != 0 || c.statuses["shipment"] != "passed" || c.statuses["confirmation"] != "passed" {
			t.Fatalf("exit %d: %s\n%s", c.code, c.errors, c.out)
		}
	}
	s.until("all shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 11 })
	s.lawful()
	if n := s.shipCalls(); n != 11 {
		t.Errorf("%d ship calls", n)
	}
}

func TestCheckFails(t *testing.T) {
	s := newSite(t, 100*time.Millisecond, true)
	s.gateway.SetAccountRefusal(partner, "ILLEGAL_SIGN")
	c := s.check(nil, "--json")
	if c.code != 1 || c.statuses["key"] != "failed" || !strings.Contains(c.errors, "check failed: key "+partner+";") {
		t.Errorf("exit %d: %s\n%s", c.code, c.errors, c.out)
	}
	s.gateway.SetAccountRefusal(partner, "")
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: "2026112300001001000000000001", Status: "TRADE_SUCCESS"})
	if c := s.check(nil, "--json", "--trade-no", "2026112300001001000000000001"); c.code != 1 || c.statuses["trade"] != "failed" {
		t.Errorf("exit %d: %s\n%s", c.code, c.errors, c.out)
	}
}

// A fault of the configuration is exit code 2, all of them are named together, and what they do not touch is checked.
func TestCheckNamesEveryFaultOfTheConfiguration(t *testing.T) {
	s := newSite(t, 100*time.Millisecond, true)
	other := filepath.Join(s.dir, "other")
	s.must(os.WriteFile(other, []byte(testKey), 0o600))
	s.must(os.Chmod(other, 0o644)) //nolint:gosec // on purpose
	file := filepath.Join(s.dir, "accounts.yaml")
	s.must(os.WriteFile(file, fmt.Appendf(nil, `accounts:
  - {partner: %q, key_file: key}
  - {partner: "2088900000000008", key_file: other}
  - {partner: "2088900000000009", key_file: nowhere}
`, partner), 0o600))
	c := s.check([]string{"ALIPAY_PARTNER=", "ALIPAY_KEY_FILE=", "FAHUO_ACCOUNTS=" + file, "REDIS_URL=http://x"}, "--json")
	if c.code != 2 {
		t.Errorf("exit %d", c.code)
	}
	for _, want := range []string{"chmod 600 " + other, "nowhere", "REDIS_URL", "2088900000000008"} {
		if !strings.Contains(c.out, want) {
			t.Errorf("%q is not in %s", want, c.out)
		}
	}
	for id, want := range map[string]string{"configuration": "failed", "key": "passed", "ledger": "passed", "redis": "skipped", "gateway": "passed"} {
		if c.statuses[id] != want {
			t.Errorf("%s is %s", id, c.statuses[id])
		}
	}
}

func TestWrongUsageOfCheck(t *testing.T) {
	s := newSite(t, 100*time.Millisecond, false)
	file := filepath.Join(s.dir, "accounts.yaml")
	s.must(os.WriteFile(file, fmt.Appendf(nil, "accounts:\n  - {partner: %q, key_file: key}\n  - {partner: \"2088900000000008\", key_file: key}\n", partner), 0o600))
	two := []string{"ALIPAY_PARTNER=", "ALIPAY_KEY_FILE=", "FAHUO_ACCOUNTS=" + file}
	const no = "2026112300001001000000000001"
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"whose trade":       {two, []string{"--trade-no", no}, "add --account with one of " + partner},
		"nobody's account":  {nil, []string{"--account", "2088900000000099"}, "is not among the accounts"},
		"which trade":       {nil, []string{"--ship", "顺丰速运"}, "add --trade-no"},
		"notification of":   {nil, []string{"--wait-notify", "1s"}, "add --trade-no"},
		"a waybill alone":   {nil, []string{"--trade-no", no, "--invoice-no", "SF1"}, "add --ship"},
		"a wrong number":    {nil, []string{"--trade-no", "12"}, "trade_no"},
		"a wrong transport": {nil, []string{"--trade-no", no, "--ship", "x", "--transport-type", "PIGEON"}, "transport_type"},
		"too fast":          {[]string{"ALIPAY_GATEWAY=https://mapi.alipay.com/gateway.do"}, []string{"--account", partner}, "10s"},
	} {
		t.Run(name, func(t *testing.T) {
			inner := *s
			inner.t = t
			if r := inner.check(c.env, c.args...); r.code != 2 || !strings.Contains(r.out, c.want) {
				t.Errorf("exit %d: %s\n%s", r.code, r.errors, r.out)
			}
		})
	}
	if n := s.shipCalls(); n != 0 {
		t.Errorf("%d ship calls", n)
	}
}

// Identities out of Alipay's examples do not ship in production, by whichever of the three they are known (A3).
func TestDemoIdentitiesDoNotShip(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ partner, key, gateway, want string }{
		"partner": {"2088101122136241", testKey, "https://mapi.alipay.com/gateway.do", "2088101122136241 is one of Alipay's demo accounts"},
		"key":     {partner, strings.Repeat("1", 32), "https://mapi.alipay.com/gateway.do", "its key is a placeholder"},
		"zeros":   {partner, "1" + strings.Repeat("0", 31), "https://mapi.alipay.com/gateway.do", "its key is a placeholder"},
		"host":    {partner, testKey, "https://mapi.alipaydev.com/gateway.do", "test systems"},
		"host 2":  {partner, testKey, "https://mapi.stable.alipay.net/gateway.do", "test systems"},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"ALIPAY_PARTNER=" + c.partner, "ALIPAY_KEY=" + c.key, "ALIPAY_GATEWAY=" + c.gateway}
			code, out := proctest.Run(t, dir, env, program, "run")
			if code != 2 || !strings.Contains(out, c.want) || strings.Contains(out, c.key) {
				t.Errorf("exit %d:\n%s", code, out)
			}
		})
	}
}
