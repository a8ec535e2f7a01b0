package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A release has what was refused for the account's sake let others go first, if there are any, and it is those that
// show whose fault it was.
func testAReleaseHasTheRefusedGiveWay(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	refuse := func() ledger.Row {
		t.Helper()
		begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
		return finish(t, l, begun, ledger.Finish{
			Answer: ledger.Answer{Verdict: "account_fault"}, Answered: true, Since: time.Minute,
			Move: ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN", Detail: "refused"},
		}).Row
	}
	release := func() ledger.Row {
		t.Helper()
		if _, err := l.Release(t.Context(), partner, "", "boss"); err != nil {
			t.Fatal(err)
		}
		return get(t, l, parcel(1))
	}
	others := func(want bool) {
		t.Helper()
		for _, n := range []int{1, 2} { // who was never refused has nothing to do with it
			if pass, err := l.OthersPass(t.Context(), get(t, l, parcel(n))); err != nil || pass != (want && n == 1) {
				t.Errorf("others pass beside %d: %v %v", n, pass, err)
			}
		}
	}
	refused := refuse()
	if alone := release(); alone.Version != refused.Version || alone.NotBefore.After(alone.ReadAt) {
		t.Fatalf("gives way to nobody: %+v", alone)
	}
	accept(t, l, parcel(2))
	refused = refuse()
	others(false)
	later := release()
	if wait := later.NotBefore.Sub(later.ReadAt); later.Version != refused.Version+1 || !later.Feed || wait < account(t, l).Interval || wait > time.Minute {
		t.Fatalf("gives way for %v: %+v", wait, later)
	}
	if other := get(t, l, parcel(2)); !other.NotBefore.IsZero() {
		t.Fatalf("%+v", other)
	}
	answered := ledger.Answer{Verdict: "account_fault"}
	if err := l.RecordQuery(t.Context(), parcel(2).Key(), "single_trade_query", "w", "{}", answered); err != nil {
		t.Fatal(err)
	}
	others(false)
	answered.Verdict = "succeeded"
	if err := l.RecordQuery(t.Context(), parcel(2).Key(), "single_trade_query", "w", "{}", answered); err != nil {
		t.Fatal(err)
	}
	others(true)
}
