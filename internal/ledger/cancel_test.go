package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// shipping begins and ends calls of an account's parcels, the first in line first, until none is left.
func shipping(t *testing.T, l *ledger.Ledger, line []shipment.Shipment, over <-chan struct{}) (calls int64) {
	t.Helper()
	for _, s := range line {
		select {
		case <-over:
			return calls
		default:
		}
		row, err := l.Get(t.Context(), s.Key())
		if err != nil {
			t.Error(err)
			return calls
		}
		begun, err := l.Begin(t.Context(), row, attempt(time.Hour))
		if errors.Is(err, ledger.ErrStale) {
			continue // it is closed
		}
		if err == nil {
			calls++
			_, err = l.Finish(t.Context(), begun, ledger.Finish{Move: shipped, Answered: true, Since: time.Hour})
		}
		if err != nil {
			t.Error(err)
			return calls
		}
	}
	return calls
}

// A large batch is cancelled while workers ship it: what they begin is in the way of a page at most, and each shipment is
// either closed or called.
func testCancelWhileItIsShipped(t *testing.T) {
	const accounts, each = 4, 600
	url := newURL(t)
	l, theirs := open(t, url), open(t, url)
	lines := make([][]shipment.Shipment, accounts)
	for a := range lines {
		mine := fmt.Sprintf("20889%011d", a)
		if err := l.Announce(t.Context(), []ledger.Account{{Partner: mine, Interval: time.Microsecond}}); err != nil {
			t.Fatal(err)
		}
		for n := range each {
			s := parcel(a*each + n)
			s.Partner = mine
			lines[a] = append(lines[a], s)
		}
		accept(t, l, lines[a]...)
	}
	// A page is let go on when somebody has begun a call since the last one.
	begun, over := make(chan struct{}), make(chan struct{})
	theirs.Observe(func(op string, _ time.Duration) {
		if op != "begin" {
			return
		}
		select {
		case begun <- struct{}{}:
		case <-over:
		}
	})
	pages := 0
	l.Observe(func(op string, _ time.Duration) {
		if op == "cancel" {
			pages++
			<-begun
		}
	})
	called := make([]int64, accounts)
	var wg sync.WaitGroup
	for a, line := range lines {
		wg.Go(func() { called[a] = shipping(t, theirs, line, over) })
	}
	for range accounts {
		<-begun
	}
	closed, left, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, wang)
	close(over)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	var calls int64
	for _, n := range called {
		calls += n
	}
	if calls == 0 || closed == 0 || calls+closed != accounts*each || int64(len(left)) != calls {
		t.Errorf("%d called, %d closed, %d left, of %d", calls, closed, len(left), accounts*each)
	}
	told(t, l)
	for what, query := range map[string]string{
		"shipments":       `SELECT COUNT(*) FROM shipments WHERE state = 'closed'`,
		"lines":           `SELECT COUNT(*) FROM history WHERE act = 'cancel' AND audit = 0 AND to_state = 'closed'`,
		"events":          `SELECT COUNT(*) FROM events WHERE type = 'shipment.closed'`,
		"lines before it": `SELECT COUNT(*) FROM history WHERE act = 'cancel' AND audit = 0 AND id > (SELECT id FROM history WHERE audit = 1)`,
	} {
		if n := ledger.Number(t, l, query); n != closed {
			t.Errorf("%d closed, and %d %s", closed, n, what)
		}
	}
	if n := ledger.Number(t, l, `SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM history WHERE to_state = 'closed' GROUP BY at) per_transaction`); n > ledger.BulkPage {
		t.Errorf("%d are closed in one transaction", n)
	}
	if want := (accounts*each + ledger.BulkPage - 1) / ledger.BulkPage; pages > want {
		t.Errorf("%d transactions, %d are enough", pages, want)
	}
}

// What is broken off has closed what it says, each with its line and its event, and is gone on with; what has come in
// meanwhile was never shown.
func testCancelThatIsBrokenOff(t *testing.T) {
	const many = 2*ledger.BulkPage + 10
	l := book(t)
	var all []shipment.Shipment
	for n := range many {
		all = append(all, parcel(n))
	}
	accept(t, l, all...)
	ctx, cancel := context.WithCancel(t.Context())
	l.Observe(func(op string, _ time.Duration) {
		if op == "cancel" {
			cancel()
		}
	})
	scope := ledger.Scope{Batch: "b1"}
	n, err := l.CancelShown(ctx, scope, many, wang)
	if !errors.Is(err, context.Canceled) || n != ledger.BulkPage {
		t.Fatal(n, err)
	}
	l.Observe(func(op string, _ time.Duration) {
		if op == "cancel" {
			l.Observe(func(string, time.Duration) {})
			accept(t, l, parcel(many))
		}
	})
	if n, err = l.CancelShown(t.Context(), scope, many, wang); err != nil || n != many-ledger.BulkPage {
		t.Fatal(n, err)
	}
	if r := get(t, l, parcel(many)); r.State != shipment.Queued {
		t.Errorf("what came in later is %s", r.State)
	}
	if events := told(t, l); len(events) != many {
		t.Errorf("%d events", len(events))
	}
	trail, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActCancel}, 10)
	if lines := ledger.Number(t, l, `SELECT COUNT(*) FROM history WHERE to_state = 'closed'`); err != nil || len(trail) != 2 || lines != many {
		t.Errorf("%d lines of history, %+v %v", lines, trail, err)
	}
}
