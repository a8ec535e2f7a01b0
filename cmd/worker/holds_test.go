package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

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
		if code, out := proctest.Run(t, s.dir, s.env, program, "release", partner, "--reason", "counted"); code != 0 || !strings.Contains(out, want) {
			t.Errorf("release %d: exit %d: %s", i+1, code, out)
		}
	}
	if trail, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActRelease}, 10); err != nil || len(trail) != 1 || trail[0].Detail != "counted" {
		t.Errorf("%+v %v", trail, err)
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
