package ledger_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// hook announces an endpoint and returns it.
func hook(t *testing.T, l *ledger.Ledger, kind ledger.OwnerKind, owner, name string) ledger.Endpoint {
	t.Helper()
	got, err := l.AnnounceEndpoints(t.Context(), kind, []string{owner}, []ledger.Endpoint{{Owner: owner, Name: name, URL: "https://erp.example/" + name}})
	if err != nil || len(got) != 1 || got[0].ID == 0 {
		t.Fatal(got, err)
	}
	return got[0]
}

func claim(t *testing.T, l *ledger.Ledger, e ledger.Endpoint) []ledger.Delivery {
	t.Helper()
	claimed, err := l.ClaimDeliveries(t.Context(), e.ID, 10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return claimed
}

func claimOne(t *testing.T, l *ledger.Ledger, e ledger.Endpoint) ledger.Delivery {
	t.Helper()
	claimed := claim(t, l, e)
	if len(claimed) != 1 {
		t.Fatalf("claimed %v", claimed)
	}
	return claimed[0]
}

func attempted(t *testing.T, l *ledger.Ledger, d ledger.Delivery, a ledger.Attempted) {
	t.Helper()
	if err := l.Attempted(t.Context(), d, a); err != nil {
		t.Fatal(err)
	}
}

func deliveries(t *testing.T, l *ledger.Ledger, f ledger.DeliveryFilter) []ledger.Delivery {
	t.Helper()
	all, err := l.Deliveries(t.Context(), f, ledger.DeliveryCursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var acknowledged = ledger.Attempted{Acknowledged: true, Status: 204}

// An endpoint gets the events of its account, or of what its token has handed over, from when it is announced.
func testWhoseEventsAnEndpointGets(t *testing.T) {
	l := book(t)
	died(t, l, 1, ledger.Move{})
	account, second := hook(t, l, ledger.OwnerAccount, partner, "erp"), hook(t, l, ledger.OwnerAccount, partner, "wms")
	token := hook(t, l, ledger.OwnerToken, "shop", "erp")
	hook(t, l, ledger.OwnerAccount, "2088000000000009", "erp")
	hook(t, l, ledger.OwnerToken, "", "erp") // what no token has handed over is not its either
	if again := hook(t, l, ledger.OwnerAccount, partner, "erp"); again.ID != account.ID {
		t.Errorf("announced again it is %d, not %d", again.ID, account.ID)
	}
	if _, err := l.Accept(t.Context(), []shipment.Shipment{parcel(2)}, ledger.AcceptOptions{Source: "shop"}); err != nil {
		t.Fatal(err)
	}
	accept(t, l, parcel(3))
	for _, n := range []int{2, 3} {
		if _, err := l.Settle(t.Context(), get(t, l, parcel(n)), shipped, "w"); err != nil {
			t.Fatal(err)
		}
	}
	for e, want := range map[ledger.Endpoint]int{account: 2, second: 2, token: 1} {
		got := claim(t, l, e)
		if len(got) != want || got[0].Event.Key != parcel(2).Key() || got[0].Endpoint.URL != e.URL {
			t.Errorf("%v gets %v", e, got)
		}
	}
	if n := len(deliveries(t, l, ledger.DeliveryFilter{})); n != 5 {
		t.Errorf("%d deliveries", n)
	}
}

func testAnEndpointThatNobodyAnnouncesIsWithdrawn(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	announceNone := func(owners ...string) {
		t.Helper()
		if _, err := l.AnnounceEndpoints(t.Context(), ledger.OwnerAccount, owners, nil); err != nil {
			t.Fatal(err)
		}
	}
	pending := func() int { return len(deliveries(t, l, ledger.DeliveryFilter{State: ledger.DeliveryPending})) }
	announceNone(partner) // somebody else has announced it a moment ago
	if pending() != 1 {
		t.Error("withdrawn while it was announced")
	}
	ledger.BackDate(t, l, "endpoints", "announced_at", ledger.EndpointLease+time.Second)
	announceNone("2088000000000009") // not theirs
	died(t, l, 2, ledger.Move{})
	if pending() != 2 {
		t.Error("withdrawn by somebody who does not answer for the account, or by time alone")
	}
	announceNone(partner)
	died(t, l, 3, ledger.Move{})
	given := deliveries(t, l, ledger.DeliveryFilter{State: ledger.DeliveryFailed})
	if pending() != 0 || len(given) != 2 || given[0].Error == "" {
		t.Errorf("%d pending, given up %v", pending(), given)
	}
	if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{}, wang); err != nil || n != 0 {
		t.Errorf("replayed %d to nobody (%v)", n, err)
	}
	hook(t, l, ledger.OwnerAccount, partner, "erp")
	if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{State: ledger.DeliveryFailed, Endpoint: e.ID}, wang); err != nil || n != 2 {
		t.Errorf("back again: replayed %d (%v)", n, err)
	}
}

// Of several processes at one ledger one gets each delivery.
func testADeliveryIsClaimedByOne(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	const n = 60
	for i := range n {
		accept(t, l, parcel(i))
	}
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, wang); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	for range 4 {
		hand := open(t, url)
		wg.Go(func() {
			for {
				claimed, err := hand.ClaimDeliveries(t.Context(), e.ID, 7, time.Hour)
				if err != nil {
					t.Error(err)
				}
				if len(claimed) == 0 {
					return
				}
				mu.Lock()
				for _, d := range claimed {
					got = append(got, d.Event.ID)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	if len(got) != n || len(slices.Compact(got)) != n {
		t.Errorf("%d claims for %d deliveries", len(got), n)
	}
}

// Whoever claimed it and died, or was stopped for too long, has lost it: what it says afterwards changes nothing.
func testALostDeliveryIsClaimedAgain(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	lost := claimOne(t, l, e)
	if again := claim(t, l, e); len(again) != 0 {
		t.Fatalf("claimed twice: %v", again)
	}
	if due, err := l.DueEndpoints(t.Context(), []int64{e.ID}); err != nil || len(due) != 0 {
		t.Errorf("due while it is under way: %v %v", due, err)
	}
	ledger.BackDate(t, l, "deliveries", "due_at", time.Hour)
	if due, err := l.DueEndpoints(t.Context(), []int64{e.ID, e.ID + 7}); err != nil || !slices.Equal(due, []int64{e.ID}) {
		t.Errorf("due: %v %v", due, err)
	}
	again := claimOne(t, l, e)
	if again.Event.ID != lost.Event.ID || string(again.Event.Body) != string(lost.Event.Body) || again.Attempts != 2 {
		t.Errorf("first %v, then %v", lost, again)
	}
	if err := l.Attempted(t.Context(), lost, ledger.Attempted{GiveUp: true}); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("a failure of the lost one: %v", err)
	}
	attempted(t, l, again, acknowledged)
	if d := deliveries(t, l, ledger.DeliveryFilter{})[0]; d.State != ledger.DeliveryDelivered || d.Status != 204 || d.SettledAt.IsZero() {
		t.Errorf("delivered: %+v", d)
	}
}

func testAnAcknowledgementIsAFact(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	lost := claimOne(t, l, e)
	ledger.BackDate(t, l, "deliveries", "due_at", time.Hour)
	again := claimOne(t, l, e)
	attempted(t, l, lost, acknowledged)
	if err := l.Attempted(t.Context(), again, ledger.Attempted{Error: "reset"}); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("failed after it was acknowledged: %v", err)
	}
	if d := deliveries(t, l, ledger.DeliveryFilter{})[0]; d.State != ledger.DeliveryDelivered {
		t.Errorf("it is %s", d.State)
	}
}

// A later event of a shipment is not sent before an earlier one has been acknowledged or given up; to another
// endpoint, and about another shipment, it is.
func testOneShipmentsEventsWaitForEachOther(t *testing.T) {
	l := book(t)
	e, other := hook(t, l, ledger.OwnerAccount, partner, "erp"), hook(t, l, ledger.OwnerAccount, partner, "wms")
	closed(t, l, died(t, l, 1, ledger.Move{}))
	died(t, l, 2, ledger.Move{})
	d := claim(t, l, e)
	if len(d) != 2 || d[0].Event.Type != ledger.EventDead || d[0].Event.Key != parcel(1).Key() || d[1].Event.Key != parcel(2).Key() {
		t.Fatalf("claimed %v", d)
	}
	attempted(t, l, d[0], ledger.Attempted{Retry: time.Hour, Status: 500, Error: "500"})
	if more := claim(t, l, e); len(more) != 0 {
		t.Errorf("while the earlier one is to be retried: %v", more)
	}
	if due, err := l.DueEndpoints(t.Context(), []int64{e.ID}); err != nil || len(due) != 0 {
		t.Errorf("due while the earlier one is to be retried: %v %v", due, err)
	}
	if there := claim(t, l, other); len(there) != 2 {
		t.Errorf("to the other endpoint: %v", there)
	}
	ledger.BackDate(t, l, "deliveries", "due_at", time.Hour)
	for _, again := range claim(t, l, e) {
		attempted(t, l, again, acknowledged)
	}
	if last := claimOne(t, l, e); last.Event.Type != ledger.EventClosed {
		t.Errorf("then %v", last)
	}
}

func testADeliveryIsGivenUpAfterThreeDays(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	failed := ledger.Attempted{Retry: 100 * 24 * time.Hour, Status: 500, Error: "500 Internal Server Error"}
	attempted(t, l, claimOne(t, l, e), failed)
	d := deliveries(t, l, ledger.DeliveryFilter{})[0]
	if d.State != ledger.DeliveryPending || d.Failures != 1 || d.Error != failed.Error || d.Status != 500 || !d.DueAt.Equal(d.Event.At.Add(ledger.DeliverFor)) {
		t.Errorf("after the first: %+v", d)
	}
	for _, column := range []string{"due_at", "give_up_at"} {
		ledger.BackDate(t, l, "deliveries", column, ledger.DeliverFor)
	}
	attempted(t, l, claimOne(t, l, e), failed)
	if d = deliveries(t, l, ledger.DeliveryFilter{})[0]; d.State != ledger.DeliveryFailed || d.SettledAt.IsZero() {
		t.Errorf("after three days: %+v", d)
	}
}

// A replay sends the same event under the same id, whether it was acknowledged or given up, and stands in the trail.
func testAReplayKeepsTheID(t *testing.T) {
	l := book(t)
	e := hook(t, l, ledger.OwnerAccount, partner, "erp")
	died(t, l, 1, ledger.Move{})
	died(t, l, 2, ledger.Move{})
	both := claim(t, l, e)
	attempted(t, l, both[0], acknowledged)
	attempted(t, l, both[1], ledger.Attempted{GiveUp: true, Status: 410})
	if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{State: ledger.DeliveryFailed}, wang); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if d := claimOne(t, l, e); d.Event.ID != both[1].Event.ID || d.Failures != 0 || d.GiveUpAt.Before(d.ReadAt.Add(ledger.DeliverFor-time.Minute)) {
		t.Errorf("replayed %+v", d)
	}
	if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{Event: both[0].Event.ID}, wang); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if d := claimOne(t, l, e); d.Event.ID != both[0].Event.ID {
		t.Errorf("replayed %+v", d)
	}
	trail, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActReplay}, 10)
	if err != nil || len(trail) != 2 || trail[0].Actor != wang || trail[0].After["event"] != both[0].Event.ID {
		t.Errorf("the trail says %+v (%v)", trail, err)
	}
	counts, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
	if err != nil || counts[ledger.DeliveryPending] != 2 {
		t.Errorf("counts %v (%v)", counts, err)
	}
}
