package intake

import (
	"encoding/json"
	"testing"

	"github.com/hibiken/asynq"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

const benchRows = 10_000

// BenchmarkEnqueueFile takes 10,000 rows from a file into a ledger on disk and onto a real Redis. Its peer,
// BenchmarkPlainAsynq, puts as many into the same kind of Redis with asynq alone, without a ledger.
func BenchmarkEnqueueFile(b *testing.B) {
	path := file(b, many(benchRows))
	for b.Loop() {
		b.StopTimer()
		book, belt := openBook(b, partner), connect(b, proctest.Redis(b))
		b.StartTimer()
		if sum := imported(b, book, path, Options{}); sum.Accepted != benchRows {
			b.Fatalf("got %+v", sum)
		}
		if fed, err := Deliver(b.Context(), book, belt); err != nil || fed != benchRows {
			b.Fatalf("fed %d, %v", fed, err)
		}
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPlainAsynq is the peer: what asynq alone can do in a loop.
func BenchmarkPlainAsynq(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		client := asynq.NewClient(asynq.RedisClientOpt{Addr: proctest.Redis(b)})
		b.StartTimer()
		for i := range benchRows {
			s := shipment.Shipment{Partner: partner, TradeNo: trade(i + 1), LogisticsName: "顺丰速运"}
			payload, err := json.Marshal(s)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := client.EnqueueContext(b.Context(), asynq.NewTask("shipment:confirm", payload), asynq.TaskID(s.Key().String())); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		if err := client.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
