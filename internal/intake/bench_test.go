package intake

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/xuri/excelize/v2"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

const benchRows = 10_000

// BenchmarkEnqueue takes the same rows side by side: as a file, read, checked, durably in a ledger on disk and on the
// belt in a real Redis; and in a plain loop of asynq's Enqueue, without any of that but the Redis. They take turns, so
// that whatever else the machine does troubles both.
func BenchmarkEnqueue(b *testing.B) {
	path := file(b, many(benchRows))
	var ours, plain time.Duration
	for b.Loop() {
		ours += enqueueFile(b, path, benchRows)
		plain += plainLoop(b, benchRows)
	}
	rate := func(took time.Duration) float64 { return float64(benchRows*b.N) / took.Seconds() }
	b.ReportMetric(rate(ours), "file-rows/s")
	b.ReportMetric(rate(plain), "asynq-rows/s")
	b.ReportMetric(plain.Seconds()/ours.Seconds(), "file/asynq")
}

// enqueueFile does what enqueue file does, and tells how long it took.
func enqueueFile(b *testing.B, path string, n int) time.Duration {
	b.Helper()
	book, belt := openBook(b, partner), connect(b, proctest.Redis(b))
	began := time.Now()
	more, stop := Alongside(b.Context(), book, belt)
	sum := imported(b, book, path, Options{Taken: more})
	stop()
	if _, err := Deliver(b.Context(), book, belt); err != nil || sum.Accepted != n {
		b.Fatalf("%+v, %v", sum, err)
	}
	took := time.Since(began)
	if on, err := belt.Redis().LLen(b.Context(), "asynq:{ship-"+partner+"}:pending").Result(); err != nil || on != int64(n) {
		b.Fatalf("%d tasks, %v", on, err)
	}
	return took
}

// plainLoop is the peer.
func plainLoop(b *testing.B, n int) time.Duration {
	b.Helper()
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: proctest.Redis(b)})
	began := time.Now()
	for i := range n {
		s := shipment.Shipment{Partner: partner, TradeNo: trade(i + 1), LogisticsName: "顺丰速运", InvoiceNo: "SF" + strconv.Itoa(i+1)}
		payload, err := json.Marshal(s)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := client.EnqueueContext(b.Context(), asynq.NewTask("shipment:confirm", payload), asynq.TaskID(s.Key().String())); err != nil {
			b.Fatal(err)
		}
	}
	took := time.Since(began)
	if err := client.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// BenchmarkHundredThousand takes 100,000 rows of each format in, as enqueue file does, and tells the time and the most
// memory that was in use.
func BenchmarkHundredThousand(b *testing.B) {
	const n = 100_000
	for name, path := range map[string]string{"csv": file(b, many(n)), "xlsx": manyXLSX(b, n)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				most := watchMemory(func() { enqueueFile(b, path, n) })
				b.ReportMetric(float64(most)/(1<<20), "MiB")
			}
		})
	}
}

// watchMemory tells the most memory that Go had from the system while f ran.
func watchMemory(f func()) (most uint64) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapSys-m.HeapReleased+m.StackSys)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most
}

// manyXLSX is a workbook of n good rows, of six columns of text.
func manyXLSX(t testing.TB, n int) string {
	t.Helper()
	book := excelize.NewFile()
	defer func() { _ = book.Close() }() // it is written below
	stream, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SetRow("A1", []any{"交易号", "物流公司", "运单号", "运输方式", "订单号", "加急"}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row := []any{trade(i + 1), "顺丰速运", "SF" + strconv.Itoa(i+1), "快递", "A-" + strconv.Itoa(i+1), ""}
		if err := stream.SetRow("A"+strconv.Itoa(i+2), row); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "in.xlsx")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := book.Write(out); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
