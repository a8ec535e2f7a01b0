package worker_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// on has the worker's ledger in the database at a url.
func on(t *testing.T, url string) func(*worker.Options) {
	t.Helper()
	book, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(o *worker.Options) { o.Book = book }
}

// putTask puts a task into the account's main queue as another program would.
func (s *scene) putTask(id, payload string, options ...asynq.Option) {
	s.t.Helper()
	client := asynq.NewClientFromRedisClient(s.belt.Redis())
	options = append([]asynq.Option{asynq.TaskID(id), asynq.Queue(tasks.Queue(partner, tasks.Main))}, options...)
	_, err := client.EnqueueContext(s.t.Context(), asynq.NewTask(tasks.TypeConfirm, []byte(payload)), options...)
	s.must(err)
}

// payload is what another program would say of a shipment.
func payload(p shipment.Shipment) string {
	return `{"partner":"` + p.Partner + `","trade_no":"` + p.TradeNo + `","logistics_name":"` + p.LogisticsName +
		`","invoice_no":"` + p.InvoiceNo + `","transport_type":"` + p.TransportType + `"}`
}

// unkeepable are ids that look like ours and name nothing that every database can keep.
func unkeepable() []string {
	return []string{partner + ":abc\x00def", partner + ":" + strings.Repeat("abcdefgh", 800), partner + ":a\nb"}
}

// Ids that begin as ours do and cannot be kept: the tasks are dead letters or shipped by their payload, and
// keep nobody from the lane.
func TestIDsThatNoLedgerCanHold(t *testing.T) {
	t.Parallel()
	for _, l := range ledgers {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			s := set(t, 20*time.Millisecond, on(t, l.url(t)))
			for i, id := range unkeepable() {
				s.putTask(id, "rubbish")
				s.putTask(id+"2", payload(parcel(10+i)))
			}
			s.start()
			s.accept(parcels(3)...)
			n := int64(len(unkeepable()))
			s.until("all settled", func() bool { return s.counts()[shipment.Shipped] == 3+n && s.counts()[shipment.Dead] == n })
			letters, err := s.book.Dead(t.Context(), ledger.Scope{}, 10)
			s.must(err)
			for _, letter := range letters {
				if kept := s.kept(letter.Key()); letter.Reason != shipment.ReasonBadPayload || !bytes.Equal(kept, []byte("rubbish")) {
					t.Errorf("%+v with %q", letter, kept)
				}
			}
			s.lawful()
		})
	}
}

// A process has ended with such a task in hand: rescue brings back what else it had.
func TestRescueGoesOnBesideAnIDThatNoLedgerCanHold(t *testing.T) {
	t.Parallel()
	for _, l := range ledgers {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			s := set(t, time.Second, on(t, l.url(t)))
			w := s.idle()
			s.accept(parcel(1))
			s.feed()
			s.orphan(parcel(1))
			queue := "asynq:{" + tasks.Queue(partner, tasks.Main) + "}:"
			for _, id := range append(unkeepable(), partner+":\xff") {
				s.must(s.belt.Redis().LPush(t.Context(), queue+"active", id).Err())
			}
			s.must(s.belt.Redis().LPush(t.Context(), "asynq:{"+tasks.QueueDead+"}:pending", unkeepable()).Err())
			s.must(w.Rescue(t.Context()))
			s.must(w.Reload(t.Context()))
			if r := s.row(parcel(1)); r.Version != 2 || !r.Feed {
				t.Errorf("%+v", r)
			}
		})
	}
}

// A task that is no shipment under a shipment's own id: the shipment may still be handed over.
func TestRubbishUnderAShipmentsIDDoesNotBarIt(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.putTask(parcel(1).Key().String(), "rubbish")
	s.start()
	s.until("dead", func() bool { return s.counts()[shipment.Dead] == 1 })
	answers, err := s.book.Accept(t.Context(), []shipment.Shipment{parcel(1)}, ledger.AcceptOptions{})
	if err != nil || answers[0].Verdict != ledger.Accepted {
		t.Fatal(answers, err)
	}
	s.until("shipped", s.is(parcel(1), shipment.Shipped))
	s.lawful()
}
