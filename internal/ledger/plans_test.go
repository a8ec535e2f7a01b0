package ledger_test

import (
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// indexes are those without which it shows in a plan that a table is walked through. Without one of the others
// another index is taken, which does badly, and that shows in BenchmarkLists.
var indexes = map[string][]string{
	"sqlite": {
		"shipments_line", "shipments_order", "shipments_invoice", "shipments_dead", "shipments_causes",
		"history_trade", "history_audit", "history_bulk",
	},
	"postgres": {"shipments_time", "shipments_order", "shipments_invoice", "history_trade", "history_audit", "history_bulk"},
}

// What pages and workers ask again and again is read out of indexes, however many shipments there are, also by a
// database that has not counted yet what it holds.
func testNoListWalksThroughATable(t *testing.T) {
	shape := ledgertest.Shape{Shipments: 4000, Queued: 200, Accounts: 5, Now: time.Now(), Uncounted: true}
	url := newURL(t)
	engine, _, _ := strings.Cut(url, ":")
	l, tape := ledger.OpenTaped(t, url)
	if err := ledgertest.Fill(t.Context(), url, shape); err != nil {
		t.Fatal(err)
	}
	for _, counted := range []bool{false, true} {
		if counted {
			ledger.Exec(t, l, "ANALYZE")
		}
		tape.Take()
		for _, q := range append(listQuestions(shape), moreQuestions(shape)...) {
			if err := q.ask(t, l); err != nil {
				t.Fatalf("%s: %v", q.name, err)
			}
		}
		queries := tape.Take()
		if len(queries) < 100 {
			t.Fatalf("only %d queries are on the tape", len(queries))
		}
		walks, err := ledger.WalksThrough(t.Context(), l, queries, "")
		if err != nil || len(walks) > 0 {
			t.Errorf("counted %v: %s %v", counted, strings.Join(walks, "\n"), err)
		}
		if !counted {
			continue
		}
		for _, index := range indexes[engine] {
			if walks, err := ledger.WalksThrough(t.Context(), l, queries, index); err != nil || len(walks) == 0 {
				t.Errorf("without %s nothing is noticed (%v)", index, err)
			}
		}
	}
}

// moreQuestions are those that are too quick to be measured, and the workers'.
func moreQuestions(s ledgertest.Shape) (all []listQuestion) {
	ask := func(name string, f func(testing.TB, *ledger.Ledger) error) { all = append(all, listQuestion{name, f}) }
	partner := ledgertest.Partner(1)
	k := shipment.Key{Partner: partner, TradeNo: ledgertest.TradeNo(1)}
	cursor := ledger.Cursor{At: s.Now.Add(-24 * time.Hour), ID: 1000}
	for name, p := range map[string]ledger.Page{"on": {After: cursor, Size: 51}, "back": {After: cursor, Back: true, Size: 51}} {
		ask("dead, a page "+name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.DeadLetters(t.Context(), ledger.DeadFilter{Partner: partner}, p)
			return err
		})
		ask("shipments, a page "+name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.Shipments(t.Context(), ledger.ShipmentFilter{Partner: partner}, p)
			return err
		})
		ask("on the belt, "+name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.OnBelt(t.Context(), partner, shipment.Queued, p.After, 51)
			return err
		})
	}
	ask("a trial", func(t testing.TB, l *ledger.Ledger) error {
		some := make([]shipment.Shipment, 100)
		for i := range some {
			some[i] = shipment.Shipment{Partner: partner, TradeNo: ledgertest.TradeNo(i)}
		}
		_, err := l.Trial().Accept(t.Context(), some)
		return err
	})
	for name, text := range map[string]string{"nines": "999", "order number": "ORD-00001", "one digit": "3"} {
		ask("find, "+name, func(t testing.TB, l *ledger.Ledger) error { _, err := l.Find(t.Context(), text, 51); return err })
	}
	for name, f := range map[string]ledger.AuditFilter{
		"actor": {Actor: wang}, "act": {Act: ledger.ActClose}, "trade": {TradeNo: k.TradeNo}, "older": {Before: 500}, "of many": {Bulk: 3},
		"of many, older": {Bulk: 3, Before: 500}, "a day": {From: s.Now.Add(-24 * time.Hour), To: s.Now},
	} {
		ask("audit, "+name, func(t testing.TB, l *ledger.Ledger) error { _, err := l.Audit(t.Context(), f, 51); return err })
	}
	ask("hours of an account", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Hours(t.Context(), partner, s.Now.Add(-24*time.Hour))
		return err
	})
	ask("who waits in a batch", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.PartnersWaiting(t.Context(), ledger.Scope{Batch: "batch-00000"})
		return err
	})
	ask("batches, beginning", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Batches(t.Context(), "batch", ledger.Batch{Name: "batch-00001", FirstAt: s.Now}, 21)
		return err
	})
	ask("one shipment", func(t testing.TB, l *ledger.Ledger) error {
		if _, err := l.History(t.Context(), k); err != nil {
			return err
		}
		if _, err := l.Calls(t.Context(), k); err != nil {
			return err
		}
		_, err := l.Find(t.Context(), k.TradeNo, 1)
		return err
	})
	ask("notices", func(t testing.TB, l *ledger.Ledger) error {
		if _, err := l.OnRecord(t.Context(), ledger.Notice{Key: k, ID: "n1"}); err != nil {
			return err
		}
		_, err := l.Notices(t.Context(), k)
		return err
	})
	ask("an act over many", func(t testing.TB, l *ledger.Ledger) error {
		if _, err := l.BulkPartners(t.Context(), 3, ""); err != nil {
			return err
		}
		_, err := l.BulkSample(t.Context(), 3, ledger.ObstacleChanged, 10)
		return err
	})
	ask("what is overdue", func(t testing.TB, l *ledger.Ledger) error { _, err := l.Overdue(t.Context(), 10); return err })
	ask("what is to be fed", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Unfed(t.Context(), shipment.Queued, 0, 100)
		return err
	})
	ask("without evidence", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Unexamined(t.Context(), partner, "single_trade_query", time.Minute)
		return err
	})
	return all
}
