package ledger_test

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// However many deliveries are replayed: of a shipment's events the earlier one is in line before the later one is.
func testAReplayKeepsTheOrder(t *testing.T) {
	const many = ledger.ReplayPage + 100
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	first := died(t, l, 1, ledger.Move{})
	var between []shipment.Shipment
	for n := range many {
		s := parcel(10 + n)
		s.Batch = "between"
		between = append(between, s)
	}
	accept(t, l, between...)
	if n, err := l.CancelShown(t.Context(), ledger.Scope{Batch: "between"}, many, wang); err != nil || n != many {
		t.Fatal(n, err)
	}
	closed(t, l, first)
	ledger.Exec(t, l, `UPDATE deliveries SET state = 'delivered'`)
	var line []ledger.EventType // of the first shipment, as they are claimed after each transaction
	l.Observe(func(op string, _ time.Duration) {
		if op != "replay" {
			return
		}
		claimed, err := l.ClaimDeliveries(t.Context(), e.ID, 2*many, time.Hour)
		if err != nil {
			t.Error(err)
		}
		for _, d := range claimed {
			if d.Event.Key == first.Key() {
				line = append(line, d.Event.Type)
			}
		}
	})
	n, err := l.Replay(t.Context(), ledger.DeliveryFilter{}, wang)
	if err != nil || n != many+2 {
		t.Fatal(n, err)
	}
	if len(line) != 1 || line[0] != ledger.EventDead {
		t.Errorf("while the first is on its way, claimed were %v", line)
	}
}

// An attempt that is under way while its delivery is replayed belongs to the time before: that it failed gives nothing
// up and puts nothing off. That the receiver has acknowledged it is a fact.
func testAReplayOutlastsWhatIsUnderWay(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	for _, column := range []string{"due_at", "give_up_at"} {
		ledger.BackDate(t, l, "deliveries", column, ledger.DeliverFor)
	}
	under := claimOne(t, l, e)
	replay := func() {
		t.Helper()
		if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{}, wang); err != nil || n != 1 {
			t.Fatal(n, err)
		}
	}
	replay()
	for _, a := range []ledger.Attempted{{Retry: time.Hour, Error: "reset"}, {GiveUp: true, Status: 410}} {
		if err := l.Attempted(t.Context(), under, a); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("%+v: %v", a, err)
		}
	}
	d := claimOne(t, l, e)
	if d.State != ledger.DeliveryPending || d.Failures != 0 || d.Attempts != 2 || d.GiveUpAt.Before(d.ReadAt.Add(ledger.DeliverFor-time.Minute)) {
		t.Errorf("%+v", d)
	}
	replay()
	attempted(t, l, d, acknowledged)
	if d = deliveries(t, l, ledger.DeliveryFilter{})[0]; d.State != ledger.DeliveryDelivered {
		t.Errorf("acknowledged, it is %s", d.State)
	}
}
