package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testAccountRefusalHoldsAndReleases(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	done := finish(t, l, begun, ledger.Finish{Answered: true, Since: time.Minute, Move: ledger.Move{
		To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN", Detail: "refused",
	}})
	a := account(t, l)
	if a.Hold == nil || a.Hold.Code != "ILLEGAL_SIGN" || a.Hold.Kind != ledger.HoldShipRefused || done.Row.Holds != 1 || done.Row.Failures != 0 {
		t.Fatalf("%+v %+v", a, done.Row)
	}
	if released, err := l.Release(t.Context(), partner, "", "boss"); err != nil || !released {
		t.Fatal(released, err)
	}
	if released, err := l.Release(t.Context(), partner, "", "boss"); err != nil || released {
		t.Fatalf("released twice: %v %v", released, err)
	}
	// The trail keeps why it was held, which the account itself has forgotten now.
	if lines, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActRelease}, 10); err != nil || len(lines) != 1 ||
		lines[0].Before["hold"] != "ILLEGAL_SIGN: refused" || lines[0].After["hold"] != "" {
		t.Errorf("%+v %v", lines, err)
	}
	if h := ledger.HoldIn(lastAudit(t, l).Before); h == nil || h.Code != "ILLEGAL_SIGN" || h.Kind != ledger.HoldShipRefused {
		t.Errorf("%+v", h)
	}
	begin(t, l, done.Row, time.Hour)
	const later = "2088999999999999"
	if _, err := l.SetHold(t.Context(), later, ledger.HoldManual, "not before Monday", "boss"); err != nil {
		t.Fatal(err)
	}
	if ahead, err := l.HeldAhead(t.Context()); err != nil || len(ahead) != 1 || ahead[0].Partner != later || ahead[0].Hold == nil {
		t.Fatalf("%+v %v", ahead, err)
	}
	if err := l.Announce(t.Context(), []ledger.Account{{Partner: later, Interval: time.Second}}); err != nil {
		t.Fatal(err)
	}
	if ahead, err := l.HeldAhead(t.Context()); err != nil || len(ahead) != 0 {
		t.Fatalf("announced, and %+v %v", ahead, err)
	}
	if a, err := l.Account(t.Context(), later); err != nil || a.Hold == nil {
		t.Fatalf("an account that was held in advance is not: %+v %v", a, err)
	}
}

func testTenDeathsWithOneCodeHold(t *testing.T) {
	l := book(t)
	die := func(n int, code string) {
		t.Helper()
		accept(t, l, parcel(n))
		_, err := l.Settle(t.Context(), get(t, l, parcel(n)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist, Code: code}, "w")
		if err != nil {
			t.Fatal(err)
		}
	}
	held := func() bool { return account(t, l).Hold != nil }
	for n := range 9 {
		die(n, "TRADE_NOT_EXIST")
	}
	die(9, "ILLEGAL_ARGUMENT") // another code: a new row
	for n := 10; n < 19; n++ {
		die(n, "TRADE_NOT_EXIST")
	}
	accept(t, l, parcel(100))
	if _, err := l.Settle(t.Context(), get(t, l, parcel(100)), shipped, "w"); err != nil { // a success: a new row
		t.Fatal(err)
	}
	for n := 20; n < 29; n++ {
		die(n, "TRADE_NOT_EXIST")
	}
	if held() {
		t.Fatal("held after nine in a row")
	}
	die(30, "TRADE_NOT_EXIST")
	h := account(t, l).Hold
	if h == nil || h.Code != "TRADE_NOT_EXIST" || h.Kind != ledger.HoldSameDeaths || h.Deaths != 10 {
		t.Fatalf("not held for ten in a row: %+v", h)
	}
	if _, err := l.Release(t.Context(), partner, "", "boss"); err != nil {
		t.Fatal(err)
	}
	if h := ledger.HoldIn(lastAudit(t, l).Before); h == nil || h.Kind != ledger.HoldSameDeaths || h.Deaths != 10 {
		t.Errorf("%+v", h)
	}
	if a := account(t, l); a.Hold != nil {
		t.Errorf("%+v", a.Hold)
	}
}

// A query that is refused for the account's sake is told from a call.
func testARefusedQueryHolds(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	_, err := l.Settle(t.Context(), get(t, l, parcel(1)), ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN"}, "w")
	if err != nil {
		t.Fatal(err)
	}
	if h := account(t, l).Hold; h == nil || h.Kind != ledger.HoldQueryRefused || h.Deaths != 0 {
		t.Errorf("%+v", h)
	}
}

// lastAudit is the newest line of the audit trail.
func lastAudit(t *testing.T, l *ledger.Ledger) ledger.Line {
	t.Helper()
	lines, err := l.Audit(t.Context(), ledger.AuditFilter{}, 1)
	if err != nil || len(lines) != 1 {
		t.Fatal(lines, err)
	}
	return lines[0]
}

func testBudgetDoesNotCountHolds(t *testing.T) {
	var a ledger.Account
	if a.Spent(ledger.Row{}) != 0 {
		t.Fatal("a budget is spent before the first attempt")
	}
	l := book(t)
	accept(t, l, parcel(1))
	start := time.Now()
	row := openSlot(t, l, begin(t, l, get(t, l, parcel(1)), 0))
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "lunch", "boss"); err != nil {
		t.Fatal(err)
	}
	first := account(t, l).Spent(row)
	var later time.Duration
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		later = account(t, l).Spent(row)
	}
	if later != first {
		t.Fatalf("the budget went on from %v to %v while on hold", first, later)
	}
	if before := time.Since(start) - 20*time.Millisecond; first > before {
		t.Fatalf("spent %v before the hold, which was set after %v at most", first, before)
	}
	released := time.Now()
	if _, err := l.Release(t.Context(), partner, "", "boss"); err != nil {
		t.Fatal(err)
	}
	for later == first { // until it goes on
		later = account(t, l).Spent(row)
	}
	if later < first || later > first+time.Since(released) {
		t.Fatalf("spent %v after the release %v ago, %v before", later, time.Since(released), first)
	}
}
