package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
)

func testSessions(t *testing.T) {
	l := book(t)
	openSession := func(digest, user string, lasts time.Duration) {
		t.Helper()
		if err := l.OpenSession(t.Context(), digest, user, "127.0.0.1", lasts); err != nil {
			t.Fatal(err)
		}
	}
	is := func(digest, user string) {
		t.Helper()
		s, err := l.Session(t.Context(), digest)
		switch {
		case user == "" && !errors.Is(err, ledger.ErrNotFound):
			t.Errorf("%s: %+v %v", digest, s, err)
		case user != "" && (err != nil || s.User != user || s.Address != "127.0.0.1" || !s.Expires.After(s.MadeAt)):
			t.Errorf("%s: %+v %v", digest, s, err)
		}
	}
	openSession("d1", wang, time.Hour)
	openSession("d2", wang, 2*time.Hour)
	openSession("d3", "li", time.Hour)
	openSession("d4", "li", 0)
	is("d1", wang)
	is("d3", "li")
	is("d4", "")
	is("no such", "")
	if s, err := l.Session(t.Context(), "d2"); err != nil || s.Expires.Sub(s.MadeAt) != 2*time.Hour {
		t.Errorf("%+v %v", s, err)
	}
	openSession("d1", wang, time.Hour) // repeated after an unclear commit
	ledger.BackDate(t, l, "sessions", "expires_at", time.Hour)
	is("d1", "")
	is("d2", wang)
	if n := ledger.Number(t, l, `SELECT COUNT(*) FROM sessions`); n < 3 {
		t.Fatalf("%d sessions", n)
	}
	openSession("d5", wang, time.Hour)
	if n := ledger.Number(t, l, `SELECT COUNT(*) FROM sessions`); n != 2 { // d2, d5
		t.Errorf("%d sessions are left, of which two are open", n)
	}
	for range 2 {
		if err := l.CloseSession(t.Context(), "d5"); err != nil {
			t.Fatal(err)
		}
	}
	is("d5", "")
	openSession("d6", wang, time.Hour)
	openSession("d7", "li", time.Hour)
	if n, err := l.CloseSessions(t.Context(), wang); n != 2 || err != nil {
		t.Error(n, err)
	}
	is("d2", "")
	is("d6", "")
	is("d7", "li")
	if n, err := l.CloseSessions(t.Context(), wang); n != 0 || err != nil {
		t.Error(n, err)
	}
	outs, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActLogout}, 10)
	if err != nil || len(outs) != 1 || outs[0].Actor != wang {
		t.Errorf("%+v %v", outs, err)
	}
	ins, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActLogin, Actor: "li"}, 10)
	if err != nil || len(ins) != 3 || ins[0].Detail != "127.0.0.1" {
		t.Errorf("%+v %v", ins, err)
	}
}

func testWorkersSayThatTheyWork(t *testing.T) {
	l := book(t)
	beat := func(name string, stopping bool, partners ...string) {
		t.Helper()
		if err := l.Heartbeat(t.Context(), name, partners, stopping); err != nil {
			t.Fatal(err)
		}
	}
	list := func(want ...string) map[string]ledger.Worker {
		t.Helper()
		workers, err := l.Workers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		byName, names := map[string]ledger.Worker{}, []string{}
		for _, w := range workers {
			byName[w.Name] = w
			names = append(names, w.Name)
		}
		if !slices.Equal(names, want) {
			t.Fatalf("%v, want %v", names, want)
		}
		return byName
	}
	beat("gone", false, partner)
	ledger.BackDate(t, l, "workers", "seen_at", 8*24*time.Hour)
	beat("silent", false, partner)
	ledger.BackDate(t, l, "workers", "seen_at", ledger.WorkerLease)
	beat("w1", false, partner, "2088000000000002")
	beat("w2", false)
	beat("w1", false, partner)
	all := list("w1", "w2", "silent")
	at := now(t, l)
	for name, alive := range map[string]bool{"w1": true, "w2": true, "silent": false} {
		if all[name].Alive(at) != alive {
			t.Errorf("%s is alive: %v (%+v)", name, !alive, all[name])
		}
	}
	w1 := all["w1"]
	if !w1.Serves(partner) || w1.Serves("2088000000000002") || all["w2"].Serves(partner) || !w1.Seen.After(w1.Started) {
		t.Errorf("%+v", w1)
	}
	beat("w2", true)
	if all = list("w2", "w1", "silent"); all["w2"].Alive(now(t, l)) || all["w2"].Stopped.IsZero() {
		t.Errorf("stopped: %+v", all["w2"])
	}
	beat("w2", false)
	if all = list("w2", "w1", "silent"); !all["w2"].Alive(now(t, l)) {
		t.Errorf("started again: %+v", all["w2"])
	}
	w := ledger.Worker{Seen: at}
	if !w.Alive(at.Add(ledger.WorkerLease-1)) || w.Alive(at.Add(ledger.WorkerLease)) {
		t.Error("the lease")
	}
}
