package ledger_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// The same note sent twice at the very same moment is a double click, and is written once.
func testANoteTwiceAtOnceIsOnce(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	accept(t, l, parcel(1))
	hands := make([]*ledger.Ledger, 6)
	for i := range hands {
		hands[i] = open(t, url)
	}
	for round := range 20 {
		text := time.Duration(round).String()
		start := make(chan struct{})
		var wg sync.WaitGroup
		for _, mine := range hands {
			wg.Go(func() {
				<-start
				if err := mine.Note(t.Context(), parcel(1).Key(), text, wang); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		if lines, err := l.History(t.Context(), parcel(1).Key()); err != nil || len(lines) != round+1 {
			t.Fatalf("%d notes after %d (%v)", len(lines), round+1, err)
		}
	}
}

// Of those who hold an account at the very same moment one has done it: the others are told, and the first one's reason
// stays.
func testOnlyOneOfManyHolds(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	hands := make([]*ledger.Ledger, 6)
	for i := range hands {
		hands[i] = open(t, url)
	}
	for round := range 10 {
		start := make(chan struct{})
		held := make([]bool, len(hands))
		var wg sync.WaitGroup
		for i, mine := range hands {
			wg.Go(func() {
				<-start
				var err error
				if held[i], err = mine.SetHold(t.Context(), partner, ledger.HoldManual, strconv.Itoa(i), wang); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		n, stays := 0, account(t, l).Hold
		for i := range held {
			if held[i] {
				n++
			}
			if stays == nil || held[i] != (stays.Reason == strconv.Itoa(i)) {
				t.Errorf("round %d: %d is told %v, and what stays is %+v", round, i, held[i], stays)
			}
		}
		if n != 1 {
			t.Errorf("round %d: %d have held it", round, n)
		}
		if _, err := l.Release(t.Context(), partner, "", wang); err != nil {
			t.Fatal(err)
		}
	}
}

// What came in after it was counted is not cancelled, and where nothing is cancelled nothing is entered.
func testCancelNoMoreThanWasShown(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	scope := ledger.Scope{Batch: "b1"}
	if n, err := l.CancelShown(t.Context(), scope, 2, wang); !errors.Is(err, ledger.ErrStale) || n != 0 {
		t.Errorf("%d %v", n, err)
	}
	trail := func(want int) {
		t.Helper()
		lines, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActCancel}, 10)
		if err != nil || len(lines) != want {
			t.Errorf("%d lines in the trail, want %d (%v)", len(lines), want, err)
		}
	}
	trail(0)
	begin(t, l, get(t, l, parcel(3)), time.Hour)
	for want := range []int{0, 1} {
		n, err := l.CancelShown(t.Context(), scope, 3, wang)
		if err != nil || n != int64(2-2*want) {
			t.Errorf("%d %v", n, err)
		}
		trail(1)
	}
	if _, left, err := l.Cancel(t.Context(), scope, wang); err != nil || len(left) != 1 || left[0].State != shipment.Calling {
		t.Errorf("%+v %v", left, err)
	}
	trail(1)
}

// A preview that is still being made can be done by nobody: it would go on to what nobody was shown.
func testAPreviewThatIsBeingMade(t *testing.T) {
	url := newURL(t)
	l, other := open(t, url), open(t, url)
	announce(t, l)
	const many = 250 // more than are written down at a time
	for n := range many {
		died(t, l, n+1, ledger.Move{})
	}
	steps, tried := 0, 0
	l.Observe(func(op string, _ time.Duration) {
		if op != "bulk" {
			return
		}
		if steps++; steps != 2 && steps != 3 {
			return
		}
		tried++
		if err := other.StartBulk(t.Context(), 1, false, "li"); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("step %d: %v", steps, err)
		}
	})
	b := preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang, Argument: "why"})
	if b.ID != 1 || tried != 2 || b.Counts.Todo != many || b.State != ledger.BulkPreview || b.DoneAt.IsZero() {
		t.Fatalf("%+v, tried %d times", b, tried)
	}
	if err := other.StartBulk(t.Context(), 1, false, "li"); err != nil {
		t.Fatal(err)
	}
	if b = bulk(t, l, 1); !b.DoneAt.IsZero() || b.State != ledger.BulkRunning {
		t.Errorf("%+v", b)
	}
}

// An answer that was on its way while the shipment was sent again and called does not stand as what is so now.
func testAnAnswerFromBeforeACall(t *testing.T) {
	l := book(t)
	waits := ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "WAIT_SELLER_SEND_GOODS"}
	dead := calledInVain(t, l, 1, ledger.Move{Found: ledger.FoundWaiting, TradeStatus: waits.TradeStatus})
	ask(t, l, dead.Key())
	slow := take(t, l, partner)[0]
	resent(t, l, dead, ledger.SendAgain{})
	ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
	again := begin(t, l, get(t, l, parcel(1)), time.Hour)
	now := finish(t, l, again, ledger.Finish{
		Move: ledger.Move{
			To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Bar: true, Found: ledger.FoundShipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS",
		}, Answered: true, Since: time.Second,
	}).Row
	if err := l.AnswerQuestion(t.Context(), slow, waits, "w1"); err != nil {
		t.Fatal(err)
	}
	if r := get(t, l, parcel(1)); r.Found != ledger.FoundShipped || r.Version != now.Version {
		t.Errorf("the case carries %s, from before the call", r.Found)
	}
	if line := lastLine(t, l, dead.Key()); line.Act != ledger.ActChecked || line.Detail != waits.TradeStatus {
		t.Errorf("%+v", line)
	}
	ask(t, l, dead.Key())
	if err := l.AnswerQuestion(t.Context(), take(t, l, partner)[0], waits, "w1"); err != nil {
		t.Fatal(err)
	}
	if r := get(t, l, parcel(1)); r.Found != ledger.FoundWaiting {
		t.Errorf("asked after the call: %s", r.Found)
	}
}
