package ledger_test

import (
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// BenchmarkLists measures what pages ask, over a million shipments and a hundred thousand dead letters: the 95th
// percentile of each question (p95-ms), of which the desk may have 200 ms for a page.
func BenchmarkLists(b *testing.B) {
	shape := ledgertest.Large(b)
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			l := shape.Open(b, engine)
			for _, q := range listQuestions(shape) {
				b.Run(q.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						start := time.Now()
						if err := q.ask(b, l); err != nil {
							b.Fatal(err)
						}
						took = append(took, time.Since(start))
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
				})
			}
		})
	}
}

type listQuestion struct {
	name string
	ask  func(testing.TB, *ledger.Ledger) error
}

// listQuestions are the questions that pages ask.
func listQuestions(s ledgertest.Shape) []listQuestion {
	first := ledger.Page{Size: 51}
	var all []listQuestion
	dead := func(name string, f ledger.DeadFilter) {
		all = append(all, listQuestion{"dead, " + name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.DeadLetters(t.Context(), f, first)
			return err
		}}, listQuestion{"count dead, " + name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.CountDead(t.Context(), f)
			return err
		}})
	}
	partner := ledgertest.Partner(7)
	dead("all", ledger.DeadFilter{})
	dead("account", ledger.DeadFilter{Partner: partner})
	dead("reason", ledger.DeadFilter{Reason: shipment.ReasonTradeNotExist})
	dead("code", ledger.DeadFilter{Code: "STRANGE_CODE"})
	dead("code that is rare", ledger.DeadFilter{Code: "NONE_HAS_THIS"})
	dead("status", ledger.DeadFilter{TradeStatus: "TRADE_CLOSED"})
	dead("batch", ledger.DeadFilter{Batch: "batch-00003"})
	dead("assignee", ledger.DeadFilter{Assignee: "wang"})
	dead("nobody's", ledger.DeadFilter{Assignee: ledger.Nobody})
	dead("a day", ledger.DeadFilter{From: s.Now.Add(-48 * time.Hour), To: s.Now.Add(-24 * time.Hour)})
	dead("trade number", ledger.DeadFilter{Text: ledgertest.TradeNo(500)})
	dead("part of a number", ledger.DeadFilter{Text: "987650"})
	dead("letters of a number", ledger.DeadFilter{Text: "rd-00098"})
	dead("all at once", ledger.DeadFilter{Partner: partner, Reason: shipment.ReasonNotShippable, TradeStatus: "TRADE_CLOSED", Assignee: ledger.Nobody, Text: "99"})
	live := func(name string, f ledger.ShipmentFilter) {
		all = append(all, listQuestion{"shipments, " + name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.Shipments(t.Context(), f, first)
			return err
		}}, listQuestion{"count shipments, " + name, func(t testing.TB, l *ledger.Ledger) error {
			_, err := l.CountShipments(t.Context(), f)
			return err
		}})
	}
	live("all", ledger.ShipmentFilter{})
	live("account", ledger.ShipmentFilter{Partner: partner})
	live("shipped", ledger.ShipmentFilter{State: shipment.Shipped})
	live("queued", ledger.ShipmentFilter{State: shipment.Queued})
	live("closed", ledger.ShipmentFilter{State: shipment.Closed})
	live("account, closed", ledger.ShipmentFilter{Partner: partner, State: shipment.Closed})
	live("batch", ledger.ShipmentFilter{Batch: "batch-00003"})
	live("a week", ledger.ShipmentFilter{From: s.Now.Add(-8 * 24 * time.Hour), To: s.Now.Add(-24 * time.Hour)})
	ask := func(name string, f func(testing.TB, *ledger.Ledger) error) { all = append(all, listQuestion{name, f}) }
	ask("find, trade number", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Find(t.Context(), ledgertest.TradeNo(4711), 51)
		return err
	})
	ask("find, beginning", func(t testing.TB, l *ledger.Ledger) error { _, err := l.Find(t.Context(), "SF00009", 51); return err })
	ask("find inside, a window", func(t testing.TB, l *ledger.Ledger) error {
		_, _, err := l.FindInside(t.Context(), "no such", 0, 50_000, 51)
		return err
	})
	ask("standings", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Standings(t.Context(), s.Now.Add(-24*time.Hour), "send_goods_confirm_by_platform")
		return err
	})
	ask("marks", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Marks(t.Context(), partner, "send_goods_confirm_by_platform", s.Now.Add(-time.Hour))
		return err
	})
	ask("hours", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Hours(t.Context(), "", s.Now.Add(-24*time.Hour))
		return err
	})
	ask("batches", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Batches(t.Context(), "", ledger.Batch{}, 21)
		return err
	})
	ask("audit", func(t testing.TB, l *ledger.Ledger) error {
		_, err := l.Audit(t.Context(), ledger.AuditFilter{}, 51)
		return err
	})
	return all
}
