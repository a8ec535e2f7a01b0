package ledger_test

import (
	"reflect"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A trial answers as taking the same would, whatever is here, in whatever state, and however it is divided; and it writes
// nothing.
func testATrialAnswersAsAcceptDoes(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2), parcel(3), parcel(4))
	if _, err := l.Settle(t.Context(), get(t, l, parcel(2)), ledger.Move{To: shipment.Shipped}, "w"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Partner: partner, TradeNo: parcel(3).TradeNo}, wang); err != nil {
		t.Fatal(err)
	}
	closed(t, l, calledInVain(t, l, 5, ledger.Move{})) // which has been called
	with := func(n int, change func(*shipment.Shipment)) shipment.Shipment {
		s := parcel(n)
		s.Batch = "b2"
		change(&s)
		return s
	}
	other := func(s *shipment.Shipment) { s.InvoiceNo, s.LogisticsName = "other", "圆通" }
	same := func(*shipment.Shipment) {}
	var all []shipment.Shipment
	for n := range 150 {
		all = append(all, with(n, same))
	}
	for n := range 7 {
		all = append(all, with(n, other), with(n, func(s *shipment.Shipment) { s.Urgent = true }), with(n, same))
	}
	all = append(all, with(3, other), with(1000, same), with(1000, other), with(2, other))
	before, written := ledger.Dump(t, l), 0
	l.Observe(func(string, time.Duration) { written++ })
	trial := l.Trial()
	var told []ledger.Acceptance
	for _, part := range [][]shipment.Shipment{all[:7], all[7:152], all[152:], nil} {
		answers, err := trial.Accept(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, answers...)
	}
	if written > 0 || ledger.Dump(t, l) != before {
		t.Errorf("a trial has written %d times", written)
	}
	verdicts := make(map[ledger.Verdict]int)
	for i, is := range accept(t, l, all...) {
		verdicts[is.Verdict]++
		if !reflect.DeepEqual(told[i], is) {
			t.Errorf("number %d, %+v: told %+v, is %+v", i, all[i], told[i], is)
		}
	}
	if len(verdicts) != 3 {
		t.Errorf("only %v are compared", verdicts)
	}
}
