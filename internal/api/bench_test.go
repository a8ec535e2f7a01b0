package api_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"fahuo/internal/api"
)

// BenchmarkAPI hands over new shipments by HTTP to a ledger in a file, durably: in batches of 100 and one by one, by
// several clients at once.
func BenchmarkAPI(b *testing.B) {
	for _, c := range []struct{ each, clients int }{{100, 4}, {1000, 2}, {1, 32}} {
		b.Run(fmt.Sprintf("%d-a-request", c.each), func(b *testing.B) {
			s := newSiteOn(b, engines["sqlite"](b), api.Options{Rate: 1e6})
			s.announce(b, shopPartner)
			var next atomic.Int64
			b.SetParallelism(c.clients)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					to := int(next.Add(int64(c.each)))
					body, status := one(to, ""), http.StatusAccepted
					if c.each > 1 {
						body, status = many(to-c.each+1, to, ""), http.StatusOK
					}
					r := s.request(b, s.shop, http.MethodPost, shipments+"?batch=b", "application/json", []byte(body))
					if a, err := s.try(r); err != nil || a.status != status {
						b.Errorf("status %d, %v: %.300s", a.status, err, a.body)
					}
				}
			})
			b.ReportMetric(float64(b.N*c.each)/b.Elapsed().Seconds(), "shipments/s")
		})
	}
}
