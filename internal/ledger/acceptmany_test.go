package ledger_test

import (
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Many are accepted in their order, however many statements that takes, also when some of them are known, stand there
// twice, or were closed and come anew; each has its own answer and the batch its count.
func testAcceptOfManyKeepsTheirOrder(t *testing.T) {
	l := book(t)
	known, closed := parcel(120), parcel(130)
	accept(t, l, known, closed)
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Partner: partner, TradeNo: closed.TradeNo}, "wang"); err != nil {
		t.Fatal(err)
	}
	var all []shipment.Shipment
	for n := range 350 {
		all = append(all, parcel(n))
	}
	all = append(all, parcel(349))
	for i, a := range accept(t, l, all...) {
		want := ledger.Accepted
		if i == 120 || i == 350 {
			want = ledger.Already
		}
		if a.Verdict != want {
			t.Errorf("number %d is %v, want %v", i, a.Verdict, want)
		}
	}
	rows, err := l.All(t.Context(), 0, 1000)
	if err != nil || len(rows) != 350 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	order := append([]shipment.Shipment{known}, append(all[:120:120], all[121:350]...)...)
	for i, r := range rows {
		if r.TradeNo != order[i].TradeNo {
			t.Fatalf("number %d is %s, want %s", i, r.TradeNo, order[i].TradeNo)
		}
	}
	if b, err := l.Batch(t.Context(), "b1"); err != nil || b.Total != 350 {
		t.Errorf("the batch has %d, %v", b.Total, err)
	}
}
