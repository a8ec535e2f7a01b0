package ledger_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// told is what has been told so far, read as those who pull do.
func told(t *testing.T, l *ledger.Ledger) []ledger.Event {
	t.Helper()
	events, _, err := l.Events(t.Context(), nil, "", 100000)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func types(events []ledger.Event) (all []ledger.EventType) {
	for _, e := range events {
		all = append(all, e.Type)
	}
	return all
}

// Whatever way a shipment becomes shipped, dead or closed is told, once, with what it is then; nothing else is.
func testEveryOutcomeIsAnEvent(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*testing.T, *ledger.Ledger)
		want []ledger.EventType
	}{
		"accepted, begun, not sent": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			accept(t, l, parcel(1))
			openSlot(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour))
		}, nil},
		"shipped": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			accept(t, l, parcel(1))
			begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
			finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true})
			finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true})
		}, []ledger.EventType{ledger.EventShipped}},
		"shipped by a late answer": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			accept(t, l, parcel(1))
			begun := begin(t, l, get(t, l, parcel(1)), 0)
			if _, err := l.TakeOver(t.Context(), begun, 0, "w2", false); err != nil {
				t.Fatal(err)
			}
			finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true})
		}, []ledger.EventType{ledger.EventShipped}},
		"dead, evidence, closed": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			r := calledInVain(t, l, 1, ledger.Move{Bar: true})
			r, err := l.Evidence(t.Context(), r, ledger.Finds{TradeStatus: "TRADE_CLOSED"}, "w")
			if err != nil {
				t.Fatal(err)
			}
			closed(t, l, r)
		}, []ledger.EventType{ledger.EventDead, ledger.EventClosed}},
		"sent again, dead again": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			r := resent(t, l, died(t, l, 1, ledger.Move{}), ledger.SendAgain{})
			if _, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
				t.Fatal(err)
			}
		}, []ledger.EventType{ledger.EventDead, ledger.EventDead}},
		"cancelled, accepted anew": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			accept(t, l, parcel(1), parcel(2))
			if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, wang); err != nil {
				t.Fatal(err)
			}
			accept(t, l, parcel(1))
		}, []ledger.EventType{ledger.EventClosed, ledger.EventClosed}},
		"a task that is no shipment, twice": {func(t *testing.T, l *ledger.Ledger) {
			t.Helper()
			for range 2 {
				if err := l.AcceptDead(t.Context(), parcel(1).Key(), []byte("x"), "w"); err != nil {
					t.Fatal(err)
				}
			}
		}, []ledger.EventType{ledger.EventDead}},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := ledger.OpenFaulty(t)
			announce(t, l)
			c.do(t, l)
			if got := types(told(t, l)); !slices.Equal(got, c.want) {
				t.Errorf("told %v, want %v", got, c.want)
			}
		})
	}
	l := book(t)
	s := parcel(1)
	s.OrderRef = "order 7"
	if _, err := l.Accept(t.Context(), []shipment.Shipment{s}, ledger.AcceptOptions{Source: "erp"}); err != nil {
		t.Fatal(err)
	}
	r, err := l.Settle(t.Context(), get(t, l, s), ledger.Move{
		To: shipment.Dead, Reason: shipment.ReasonNotShippable, Code: "CODE", TradeStatus: "TRADE_CLOSED", RefundStatus: "REFUND_SUCCESS",
	}, "w")
	if err != nil {
		t.Fatal(err)
	}
	events := told(t, l)
	if len(events) != 1 || !strings.HasPrefix(events[0].ID, "evt_") || events[0].Key != s.Key() || events[0].Source != "erp" {
		t.Fatalf("told %+v", events)
	}
	when := events[0].At.In(beijing.Zone).Format("2006-01-02T15:04:05.000000-07:00")
	want := map[string]any{
		"id": events[0].ID, "type": "shipment.dead", "timestamp": when, "data": map[string]any{
			"partner": s.Partner, "trade_no": s.TradeNo, "order_ref": "order 7", "batch": "b1", "source": "erp", "state": "dead",
			"reason": "not_shippable", "error_code": "CODE", "trade_status": "TRADE_CLOSED", "refund_status": "REFUND_SUCCESS",
			"at": when, "version": float64(r.Version),
		},
	}
	var got map[string]any
	if err := json.Unmarshal(events[0].Body, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the message is %s, want %v (%v)", events[0].Body, want, err)
	}
}

// A transaction that is taken back tells nothing.
func testWhatIsNotCommittedIsNotTold(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	r := get(t, l, parcel(1))
	if _, err := l.Settle(t.Context(), r, shipped, "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), r, shipped, "w"); err == nil {
		t.Fatal("settled twice")
	}
	if got := told(t, l); len(got) != 1 {
		t.Errorf("told %v", got)
	}
}

// Acts over many, of more shipments than are dealt with at a time, are told one by one; taking a closing back too.
func testActsOverManyAreTold(t *testing.T) {
	l := book(t)
	const n = ledger.BulkPage + 3
	var all []shipment.Shipment
	for i := range n {
		all = append(all, parcel(i))
	}
	accept(t, l, all...)
	for _, s := range all {
		if _, err := l.Settle(t.Context(), get(t, l, s), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
			t.Fatal(err)
		}
	}
	b, err := l.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActClose, Actor: wang, Argument: "why"})
	if err != nil {
		t.Fatal(err)
	}
	runBulk(t, l, b.ID, false)
	runBulk(t, l, b.ID, true)
	more := make([]shipment.Shipment, 2*n)
	for i := range more {
		more[i] = parcel(1000 + i)
		more[i].Batch = "b2"
	}
	accept(t, l, more...)
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b2"}, wang); err != nil {
		t.Fatal(err)
	}
	got := make(map[ledger.EventType]int)
	ids := make(map[string]bool)
	for _, e := range told(t, l) {
		got[e.Type]++
		ids[e.ID] = true
	}
	if want := map[ledger.EventType]int{ledger.EventDead: 2 * n, ledger.EventClosed: n + 2*n}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if len(ids) != 5*n {
		t.Errorf("%d ids for %d events", len(ids), 5*n)
	}
}

// A ledger that was put back to an earlier copy calls the same outcome by the same name: to receivers it is a repeat.
func testAnEventHasTheSameIDInARestoredLedger(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	r := get(t, l, parcel(1))
	if _, err := l.Settle(t.Context(), r, shipped, "w"); err != nil {
		t.Fatal(err)
	}
	before := told(t, l)
	// As it was before.
	ledger.Exec(t, l, `DELETE FROM events`)
	ledger.Exec(t, l, `UPDATE shipments SET state = 'queued', version = ?, settled_at = 0`, r.Version)
	if _, err := l.Settle(t.Context(), get(t, l, parcel(1)), shipped, "w"); err != nil {
		t.Fatal(err)
	}
	if after := told(t, l); len(after) != 1 || after[0].ID != before[0].ID {
		t.Errorf("first %v, then %v", before, after)
	}
	died(t, l, 2, ledger.Move{})
	if ids := told(t, l); ids[1].ID == ids[0].ID {
		t.Error(fmt.Sprint("one id for two events: ", ids))
	}
}
