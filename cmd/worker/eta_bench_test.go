package main

import (
	"context"
	"math"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// BenchmarkETA measures how far off the time is by which the last shipment of a batch is said to have been called,
// in percent of the time from the answer to that call. It is asked as the batch is accepted, with nothing known of the
// gateway yet, and when a third of it has been called. The gateway takes a twentieth of the interval to answer, as one
// would that takes half a second of ten, and a quarter.
func BenchmarkETA(b *testing.B) {
	const interval = time.Second
	for _, answer := range []time.Duration{interval / 20, interval / 4} {
		b.Run("answer="+answer.String(), func(b *testing.B) { benchmarkETA(b, interval, answer) })
	}
}

func benchmarkETA(b *testing.B, interval, answer time.Duration) {
	b.Helper()
	const shipments = 40
	for b.Loop() {
		s := newSite(b, interval, true)
		s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.SlowAnswer, Times: -1, Delay: answer})
		s.start()
		s.until("a worker", time.Minute, func() bool {
			_, err := s.book.Account(context.Background(), partner)
			return err == nil
		})
		s.accept(shipments)
		type said struct{ at, eta time.Time }
		ask := func() said {
			eta, ok, err := s.book.ETA(context.Background(), ledger.Scope{Batch: "b1"})
			s.must(err)
			if !ok {
				b.Fatal("nobody can say")
			}
			return said{time.Now(), eta}
		}
		first := ask()
		s.until("a third", time.Minute, func() bool { return s.count(shipment.Shipped) >= shipments/3 })
		third := ask()
		s.until("all", time.Minute, func() bool { return s.count(shipment.Shipped) == shipments })
		s.lawful()
		var last time.Time
		for _, a := range s.gateway.Arrivals() {
			if a.Ship() {
				last = a.At
			}
		}
		off := func(s said) float64 { return 100 * math.Abs(float64(last.Sub(s.eta))) / float64(last.Sub(s.at)) }
		b.ReportMetric(off(first), "%off-at-first")
		b.ReportMetric(off(third), "%off-after-a-third")
		b.ReportMetric(0, "ns/op")
	}
}
