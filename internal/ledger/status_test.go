package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testCancelLeavesWhatWasCalled(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{Move: shipped, Answered: true, Interval: 0, Since: time.Second})
	begin(t, l, get(t, l, parcel(2)), time.Hour)
	closed, left, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, "clerk")
	if err != nil || closed != 1 || len(left) != 2 {
		t.Fatal(closed, left, err)
	}
	counts, err := l.Counts(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || counts[shipment.Closed] != 1 || counts[shipment.Calling] != 1 || counts[shipment.Shipped] != 1 || len(counts) != 5 {
		t.Fatal(counts, err)
	}
}

func testETACountsWhatIsAhead(t *testing.T) {
	l := book(t)
	other := parcel(1)
	other.Batch = "earlier"
	accept(t, l, other, parcel(2), parcel(3), parcel(4))
	asked := now(t, l)
	eta, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if answered := now(t, l); eta.Before(asked.Add(3*time.Second)) || eta.After(answered.Add(3*time.Second)) {
		t.Fatalf("four shipments a second apart: the last %v after the question, want 3 s", eta.Sub(asked))
	}
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "x", "boss"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"}); ok || err != nil {
		t.Fatalf("an ETA for an account on hold: %v %v", ok, err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "none"}); ok || err != nil {
		t.Fatalf("an ETA for nothing: %v %v", ok, err)
	}
}

// A batch may end between two questions: that is no error.
func testETAWhileTheBatchEnds(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; n <= 2; n++ {
			if _, err := l.Settle(t.Context(), get(t, l, parcel(n)), shipped, "w"); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		_, _, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
