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

func testAcceptIsOncePerKey(t *testing.T) {
	l := book(t)
	a := parcel(1)
	changed := a
	changed.InvoiceNo, changed.SellerIP = "SF999", "10.0.0.1"
	noted := a
	noted.OrderRef, noted.Batch = "order 7", "b2"
	answers := accept(t, l, a, a, changed, noted, parcel(2))
	want := []ledger.Verdict{ledger.Accepted, ledger.Already, ledger.Conflict, ledger.Already, ledger.Accepted}
	for i, w := range want {
		if answers[i].Verdict != w {
			t.Errorf("answer %d is %v, want %v", i, answers[i].Verdict, w)
		}
	}
	differences := []shipment.Difference{{Field: "invoice_no", Old: "SF1", New: "SF999"}, {Field: "seller_ip", Old: a.SellerIP, New: "10.0.0.1"}}
	if d := answers[2].Differences; !slices.Equal(d, differences) {
		t.Errorf("the conflict says %+v", d)
	}
	if answers[3].Batch != a.Batch {
		t.Errorf("it is in batch %q, not in %q", a.Batch, answers[3].Batch)
	}
	if got := get(t, l, a).Shipment; got != a {
		t.Errorf("the ledger holds %+v, want %+v", got, a)
	}
}

func testAcceptByManyAtOnceIsOncePerKey(t *testing.T) {
	url := newURL(t)
	const rows, hands = 200, 4
	var mu sync.Mutex
	count := map[ledger.Verdict]int{}
	var wg sync.WaitGroup
	for range hands {
		l := open(t, url)
		wg.Go(func() {
			for i := range rows {
				answers, err := l.Accept(t.Context(), []shipment.Shipment{parcel(i)}, ledger.AcceptOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				count[answers[0].Verdict]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if count[ledger.Accepted] != rows || count[ledger.Already] != rows*(hands-1) {
		t.Fatalf("%v, want %d accepted and %d already", count, rows, rows*(hands-1))
	}
}

func testAcceptStrictChangesNothing(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(2))
	conflict := parcel(2)
	conflict.LogisticsName = "圆通"
	answers, err := l.Accept(t.Context(), []shipment.Shipment{parcel(3), conflict}, ledger.AcceptOptions{Strict: true})
	if err != nil || answers[1].Verdict != ledger.Conflict {
		t.Fatal(answers, err)
	}
	if _, err := l.Get(t.Context(), parcel(3).Key()); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("%v, want none", err)
	}
}

func testUrgentRaisesAQueuedShipment(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	before := get(t, l, parcel(1))
	if err := l.Fed(t.Context(), []ledger.Row{before}); err != nil {
		t.Fatal(err)
	}
	urgent := parcel(1)
	urgent.Urgent = true
	if a := accept(t, l, urgent); a[0].Verdict != ledger.Already {
		t.Fatal(a)
	}
	after := get(t, l, parcel(1))
	if !after.Urgent || !after.Feed || after.Version != before.Version+1 {
		t.Fatalf("%+v", after)
	}
	if accept(t, l, urgent); get(t, l, parcel(1)).Version != after.Version {
		t.Fatal("raising it again changed it")
	}
}

func testClosedWithoutACallIsAcceptedAnew(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	old := get(t, l, parcel(1))
	closed, left, err := l.Cancel(t.Context(), ledger.Scope{Partner: partner, TradeNo: parcel(1).TradeNo}, "clerk")
	if err != nil || closed != 1 || len(left) != 0 {
		t.Fatal(closed, left, err)
	}
	changed := parcel(1)
	changed.InvoiceNo = "SF42"
	if a := accept(t, l, changed); a[0].Verdict != ledger.Accepted {
		t.Fatal(a)
	}
	now := get(t, l, parcel(1))
	if now.InvoiceNo != "SF42" || now.State != shipment.Queued || now.ID <= get(t, l, parcel(2)).ID {
		t.Fatalf("%+v", now)
	}
	if _, err := l.Begin(t.Context(), old, attempt(time.Second)); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("the old row can still be begun: %v", err)
	}
}
