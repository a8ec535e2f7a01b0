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
