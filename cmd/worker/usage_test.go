package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fahuo/internal/proctest"
)

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
	t.Parallel()
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
