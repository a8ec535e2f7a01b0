package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// pull goes on from cursor to cursor until nothing is left.
func pull(t *testing.T, l *ledger.Ledger, partners []string, after string, limit int) (all []ledger.Event, next string) {
	t.Helper()
	for {
		some, cursor, err := l.Events(t.Context(), partners, after, limit)
		if err != nil {
			t.Error(err)
			return all, after
		}
		if len(some) == 0 {
			if after != "" && cursor != after {
				t.Errorf("with nothing new the cursor goes from %s to %s", after, cursor)
			}
			return all, cursor
		}
		all, after = append(all, some...), cursor
	}
}

func ids(events []ledger.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func testEventsArePulledOnceAndInOrder(t *testing.T) {
	l := book(t)
	const other = "2088000000000002"
	for i := range 7 {
		s := parcel(i)
		if i%2 == 1 {
			s.Partner = other
		}
		accept(t, l, s)
		if _, err := l.Settle(t.Context(), get(t, l, s), shipped, "w"); err != nil {
			t.Fatal(err)
		}
	}
	all, end := pull(t, l, nil, "", 3)
	if len(all) != 7 || !slices.IsSortedFunc(all, func(a, b ledger.Event) int { return a.At.Compare(b.At) }) {
		t.Errorf("pulled %v", all)
	}
	ours, _ := pull(t, l, []string{other}, "", 2)
	if len(ours) != 3 || ours[0].Key.Partner != other {
		t.Errorf("of one account: %v", ours)
	}
	if none, _ := pull(t, l, []string{}, "", 2); len(none) != 0 {
		t.Errorf("of no account: %v", none)
	}
	died(t, l, 20, ledger.Move{})
	if news, _ := pull(t, l, []string{partner, other}, end, 3); len(news) != 1 || news[0].Type != ledger.EventDead {
		t.Errorf("after the end: %v", news)
	}
}

// Events of more pages than are numbered at a time, pulled by several at once, are the same for all of them.
func testPullersAtOnceSeeOneOrder(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	const n = ledger.NumberPage + 100
	for i := range 4 {
		var some []shipment.Shipment
		for j := range n / 4 {
			some = append(some, parcel(i*n+j))
		}
		accept(t, l, some...)
	}
	if _, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, wang); err != nil {
		t.Fatal(err)
	}
	pulled := make([][]string, 4)
	var wg sync.WaitGroup
	for i := range pulled {
		hand := open(t, url)
		wg.Go(func() {
			events, _ := pull(t, hand, nil, "", 70+i)
			pulled[i] = ids(events)
		})
	}
	wg.Wait()
	for i, p := range pulled {
		if len(p) != n || !slices.Equal(p, pulled[0]) {
			t.Errorf("puller %d saw %d of %d, or another order", i, len(p), n)
		}
	}
}

func testCursorsAreTheLedgersOwn(t *testing.T) {
	l := book(t)
	died(t, l, 1, ledger.Move{})
	_, cursor := pull(t, l, nil, "", 10)
	ahead := strings.Replace(cursor, "-1-", "-2-", 1)
	for _, wrong := range []string{"x", "1", "00000000-1", cursor[:9] + "-1", cursor + "x", ahead} {
		if _, _, err := l.Events(t.Context(), nil, wrong, 10); !errors.Is(err, ledger.ErrCursor) {
			t.Errorf("cursor %q (of ledger %s): %v", wrong, cursor, err)
		}
	}
	if _, _, err := l.Events(t.Context(), nil, cursor, 10); err != nil {
		t.Error(err)
	}
}

// A ledger is restored from a copy, and goes on: whoever comes with a cursor from before begins again, also when there are as
// many events again as the cursor counts. From there on it would go past those that were written meanwhile.
func testCursorsFromBeforeARestoreAreRefused(t *testing.T) {
	l := book(t)
	died(t, l, 1, ledger.Move{})
	_, kept := pull(t, l, nil, "", 10)
	died(t, l, 2, ledger.Move{})
	_, lost := pull(t, l, nil, kept, 10)
	ledger.Exec(t, l, `DELETE FROM events WHERE seq = 2`) // what is not in the copy
	ledger.Exec(t, l, `UPDATE ledger SET value = '1' WHERE name = 'event_seq'`)
	died(t, l, 3, ledger.Move{})
	died(t, l, 4, ledger.Move{})
	if news, _ := pull(t, l, nil, kept, 10); len(news) != 2 {
		t.Errorf("a cursor from before the copy leads to %v", news)
	}
	if news, _, err := l.Events(t.Context(), nil, lost, 10); !errors.Is(err, ledger.ErrCursor) {
		t.Errorf("one from after the copy leads to %v, %v", news, err)
	}
}

// Of two transactions the one that was begun first, whose event has the smaller id, is committed last. Whoever has
// pulled in between gets its event all the same. (SQLite has one writer at a time.)
func TestEventsCommittedInReverseOrder(t *testing.T) {
	l := open(t, proctest.Postgres(t))
	announce(t, l)
	accept(t, l, parcel(1), parcel(2))
	first, second := get(t, l, parcel(1)), get(t, l, parcel(2))
	dead := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}
	var seen []ledger.Event
	var cursor string
	err := ledger.SettleSlowly(t.Context(), l, first, dead, func() {
		r, err := l.Settle(t.Context(), second, ledger.Move{To: shipment.Queued}, "w") // not dead: one account's deaths wait for each other
		if err == nil {
			_, _, err = l.Cancel(t.Context(), ledger.Scope{Partner: r.Partner, TradeNo: r.TradeNo}, wang)
		}
		if err != nil {
			t.Error(err)
		}
		seen, cursor = pull(t, l, nil, "", 10)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || seen[0].Key != second.Key() {
		t.Fatalf("before the first was committed: %v", seen)
	}
	if rest, _ := pull(t, l, nil, cursor, 10); len(rest) != 1 || rest[0].Key != first.Key() {
		t.Errorf("after it was committed: %v", rest)
	}
}
