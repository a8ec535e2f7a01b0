package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// callOnce makes one call at once, whenever the account would open, and finishes it.
func callOnce(t *testing.T, l *ledger.Ledger, n int, f ledger.Finish) (begun ledger.Row) {
	t.Helper()
	accept(t, l, parcel(n))
	ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
	begun = begin(t, l, get(t, l, parcel(n)), 2*time.Second)
	if f.Move.To == "" {
		f.Move = ledger.Move{To: shipment.Queued, Doubt: true, Failed: true, Delay: time.Hour, Code: "SYSTEM_ERROR"}
	}
	f.Answered, f.Interval = true, time.Second
	finish(t, l, begun, f)
	return begun
}

var (
	trouble = ledger.Finish{Health: ledger.HealthTroubled}
	well    = ledger.Finish{Health: ledger.HealthWell, Move: shipped}
)

func slow(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	for n := range ledger.TroublesInARow {
		callOnce(t, l, 100+n, trouble)
	}
}

func testTenTroublesInARowSlowAnAccount(t *testing.T) {
	l := book(t)
	slow(t, l) // nine of them count ...
	if account(t, l).Slowed == nil {
		t.Fatal("not slowed after ten in a row")
	}
	callOnce(t, l, 200, well)
	if a := account(t, l); a.Slowed != nil || a.OpenAt.Sub(a.Now) > time.Second {
		t.Fatalf("an answer does not bring the full pace back: %+v", a)
	}
	for n := range ledger.TroublesInARow - 1 {
		callOnce(t, l, 300+n, trouble)
	}
	callOnce(t, l, 400, ledger.Finish{}) // RETRY says neither
	if a := account(t, l); a.Slowed != nil || a.OpenAt.Sub(a.Now) > time.Second {
		t.Fatalf("slowed after nine: %+v", a)
	}
	before := now(t, l)
	callOnce(t, l, 401, trouble)
	a := account(t, l)
	if a.Slowed == nil || a.Slowed.Code != "SYSTEM_ERROR" || a.Slowed.Since.After(a.Now) || a.OpenAt.Sub(before) < ledger.ProbeEvery {
		t.Fatalf("%+v %+v", a, a.Slowed)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{}); ok || err != nil {
		t.Errorf("somebody can say when it will be done: %v %v", ok, err)
	}
	lines, err := l.History(t.Context(), shipment.Key{Partner: partner})
	if err != nil || len(lines) != 3 || lines[0].Act != ledger.ActSlow || lines[1].Act != ledger.ActFullPace || lines[2].Act != ledger.ActSlow {
		t.Errorf("%+v %v", lines, err)
	}
}

// Whether it is answered or not, the next probe is a minute away; the shipment itself is not kept so long.
func testProbesOfASlowedAccount(t *testing.T) {
	l := book(t)
	slow(t, l)
	since := account(t, l).Slowed.Since
	accept(t, l, parcel(1))
	ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
	before := now(t, l)
	begun := begin(t, l, get(t, l, parcel(1)), 2*time.Second)
	if a := account(t, l); a.OpenAt.Sub(before) < ledger.ProbeEvery || begun.FenceAt.Sub(begun.ChangedAt) != 2*time.Second {
		t.Fatalf("a probe without an answer: %+v, fence %v", a, begun.FenceAt.Sub(begun.ChangedAt))
	}
	const probe = 20 * time.Second
	before = now(t, l)
	finish(t, l, begun, ledger.Finish{Health: ledger.HealthTroubled, Answered: true, Interval: time.Second, Probe: probe, Move: ledger.Move{To: shipment.Queued}})
	a := account(t, l)
	if d := a.OpenAt.Sub(a.Now); a.OpenAt.Sub(before) < probe || d > probe+time.Second || !a.Slowed.Since.Equal(since) || a.Slowed.Code != "" {
		t.Fatalf("a probe that came to nothing: opens in %v, %+v", d, a.Slowed)
	}
	// What is learnt of a call that was given up long ago tells of the past.
	accept(t, l, parcel(2))
	ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
	old := begin(t, l, get(t, l, parcel(2)), 0)
	if _, err := l.TakeOver(t.Context(), get(t, l, parcel(2)), 0, "w2", true); err != nil {
		t.Fatal(err)
	}
	finish(t, l, old, ledger.Finish{Health: ledger.HealthWell, Answered: true, Interval: time.Second, Move: ledger.Move{To: shipment.Queued}})
	if account(t, l).Slowed == nil {
		t.Error("a late answer has brought the full pace back")
	}
	// That a call has shipped its trade is a fact, however it is learnt.
	if _, err := l.Settle(t.Context(), get(t, l, parcel(2)), shipped, "w2"); err != nil {
		t.Fatal(err)
	}
	if account(t, l).Slowed != nil {
		t.Error("slowed, though a query says that a call has worked")
	}
}

// The time in which an account is slowed, on hold, or both is in no budget, and is taken out once.
func testPausesAreInNoBudget(t *testing.T) {
	l := book(t)
	begun := callOnce(t, l, 1, trouble)
	spent := func() time.Duration { return account(t, l).Spent(get(t, l, begun.Shipment)) }
	for n := range ledger.TroublesInARow - 1 {
		callOnce(t, l, 2+n, trouble)
	}
	before := spent()
	back := func(columns ...string) { // all of it was so much earlier
		t.Helper()
		for _, column := range columns {
			ledger.BackDate(t, l, "accounts", column, time.Hour)
		}
		ledger.BackDate(t, l, "shipments", "budget_at", time.Hour)
	}
	back("slowed_at", "paused_at")
	if got := spent(); got != before {
		t.Fatalf("an hour of probing has cost %v", got-before)
	}
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "lunch", "boss"); err != nil {
		t.Fatal(err)
	}
	back("slowed_at", "paused_at", "held_at")
	if released, err := l.Release(t.Context(), partner, "", "boss"); err != nil || !released {
		t.Fatal(released, err)
	}
	if got := spent(); got != before {
		t.Fatalf("an hour on hold while slowed has cost %v", got-before)
	}
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "again", "boss"); err != nil {
		t.Fatal(err)
	}
	ledger.Exec(t, l, `UPDATE accounts SET held_at = 0`) // so that a probe can be made
	callOnce(t, l, 50, well)
	if got := spent(); got < before || got > before+time.Minute {
		t.Fatalf("two hours of pauses are over, and %v are spent, %v before", got, before)
	}
}

// A shipment that Alipay can never answer comes to a person, whether it is alone in its trouble or there are others of
// its kind: its budget goes on, at once or after as long as it is.
func testWhatIsNeverAnsweredHasABudget(t *testing.T) {
	const most = 24 * time.Hour
	for _, others := range []int{0, 1} {
		l := book(t)
		if others > 0 {
			callOnce(t, l, 2, trouble)
		}
		accept(t, l, parcel(1), parcel(3)) // and something that was not called yet
		call := func() {
			t.Helper()
			ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
			ledger.Exec(t, l, `UPDATE shipments SET not_before = 0`)
			finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Minute), ledger.Finish{
				Health: ledger.HealthTroubled, Answered: true, Interval: time.Second, PauseMost: most,
				Move: ledger.Move{To: shipment.Queued, Doubt: true, Failed: true, Code: "SYSTEM_ERROR"},
			})
		}
		pass := func(d time.Duration) (costs time.Duration) {
			t.Helper()
			spent := func() time.Duration { return account(t, l).Spent(get(t, l, parcel(1))) }
			before := spent()
			for _, column := range []string{"slowed_at", "paused_at"} {
				ledger.BackDate(t, l, "accounts", column, d)
			}
			ledger.BackDate(t, l, "shipments", "budget_at", d)
			return spent() - before
		}
		for range ledger.TroublesInARow {
			call()
		}
		if account(t, l).Slowed == nil {
			t.Fatal("not slowed")
		}
		for _, costs := range []bool{false, false, true} {
			if got := pass(most / 2); (got >= most/2) != (costs || others == 0) {
				t.Errorf("with %d others: half a day costs %v", others, got)
			}
			call() // a probe
		}
	}
}

// What is called for the first time while its account is slowed has the same budget as everything else.
func testABudgetThatBeginsInAPause(t *testing.T) {
	l := book(t)
	slow(t, l)
	for _, column := range []string{"slowed_at", "paused_at"} {
		ledger.BackDate(t, l, "accounts", column, 10*time.Hour)
	}
	begun := callOnce(t, l, 1, trouble)
	callOnce(t, l, 2, well)
	ledger.BackDate(t, l, "shipments", "budget_at", time.Hour) // an hour at full pace
	if got := account(t, l).Spent(get(t, l, begun.Shipment)); got < time.Hour || got > time.Hour+time.Minute {
		t.Errorf("of an hour after the pause %v are spent", got)
	}
}

func testQueriesThatDoNotVerifyHold(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	answer := func(a ledger.Answer) {
		t.Helper()
		if err := l.RecordQuery(t.Context(), parcel(1).Key(), "query", "w1", "{}", a); err != nil {
			t.Fatal(err)
		}
	}
	bad, good, none := ledger.Answer{Unverified: true}, ledger.Answer{Verified: true}, ledger.Answer{Error: "no answer"}
	for range ledger.BadInARow - 1 {
		answer(bad)
	}
	answer(good)
	for range ledger.BadInARow - 1 {
		answer(bad)
		answer(none)
	}
	if h := account(t, l).Hold; h != nil {
		t.Fatalf("held too soon: %+v", h)
	}
	answer(bad)
	if h := account(t, l).Hold; h == nil || h.Code != ledger.HoldUnverified {
		t.Fatalf("%+v", h)
	}
	if _, err := l.Release(t.Context(), partner, "", "boss"); err != nil {
		t.Fatal(err)
	}
	answer(bad)
	if h := account(t, l).Hold; h != nil {
		t.Fatalf("released, and held again by one: %+v", h)
	}
}

func testShipSuccessesThatDoNotVerifyOnlyTell(t *testing.T) {
	l := book(t)
	bad := ledger.Finish{Answer: ledger.Answer{Unverified: true}}
	strange := func() bool { return !account(t, l).StrangeSignAt.IsZero() }
	for n := range ledger.BadInARow {
		callOnce(t, l, n, bad)
	}
	if strange() {
		t.Error("told, though no query has shown that the key is right")
	}
	if err := l.RecordQuery(t.Context(), parcel(1).Key(), "query", "w1", "{}", ledger.Answer{Verified: true}); err != nil {
		t.Fatal(err)
	}
	callOnce(t, l, 20, bad)
	if a := account(t, l); !strange() || a.Hold != nil || a.Slowed != nil {
		t.Errorf("five in a row: %+v", a)
	}
	callOnce(t, l, 21, ledger.Finish{Answer: ledger.Answer{Verified: true}, Health: ledger.HealthWell, Move: shipped})
	if strange() {
		t.Error("one that verifies does not take it back")
	}
}
