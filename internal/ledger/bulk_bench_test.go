package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
)

// BenchmarkBulk measures acts over 10,000 dead letters among 100,000 shipments: what is shown first (preview-ms), and
// the run to the end (run-ms), of which a person should see the end within 5 s.
func BenchmarkBulk(b *testing.B) {
	const dead = 10_000
	shape := ledgertest.Shape{Shipments: 10*dead + 500, Queued: 500, Accounts: 20, Now: time.Now()}
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			l := shape.Open(b, engine)
			ledger.Exec(b, l, `UPDATE shipments SET found = '' WHERE state = 'dead'`)
			ledger.Exec(b, l, `UPDATE shipments SET barred = 0 WHERE state = 'dead'`)
			for _, act := range []ledger.Act{ledger.ActAssign, ledger.ActClose, ledger.ActSendAgain} {
				b.Run(string(act), func(b *testing.B) {
					var previews, runs, undos time.Duration
					for b.Loop() {
						start := time.Now()
						shown := preview(b, l, ledger.BulkOrder{Act: act, Actor: wang, Argument: "li"})
						previews += time.Since(start)
						if shown.Counts.Todo != dead {
							b.Fatalf("%+v", shown.Counts)
						}
						start = time.Now()
						if done := runBulk(b, l, shown.ID, false); done.Counts.Done != dead {
							b.Fatalf("%+v", done.Counts)
						}
						runs += time.Since(start)
						undos += deadAgain(b, l, shown)
					}
					ms := func(d time.Duration) float64 { return float64(d.Milliseconds()) / float64(b.N) }
					b.ReportMetric(ms(previews), "preview-ms")
					b.ReportMetric(ms(runs), "run-ms")
					if act == ledger.ActClose {
						b.ReportMetric(ms(undos), "undo-ms")
					}
				})
			}
		})
	}
}

// deadAgain makes dead letters of what an act was done to.
func deadAgain(b *testing.B, l *ledger.Ledger, done ledger.Bulk) time.Duration {
	b.Helper()
	start := time.Now()
	switch done.Act { //nolint:exhaustive // the others leave them dead
	case ledger.ActClose:
		runBulk(b, l, done.ID, true)
	case ledger.ActSendAgain:
		ledger.Exec(b, l, `UPDATE shipments SET state = 'dead', reason = 'not_shippable', settled_at = accepted_at WHERE resent > 0`)
	}
	return time.Since(start)
}
