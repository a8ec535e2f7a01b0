package worker_test

import (
	"bytes"
	"strings"
	"sync"
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

// Tasks that asynq would never hand out, never in time, or give up: their shipments are shipped all the same,
// whether the ledger knew them before or not, and nothing of such a task is left.
func TestAsynqsOwnLimitsKeepNoShipment(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]asynq.Option{
		"a deadline that has passed":                 {asynq.Deadline(time.Now().Add(-time.Minute))},
		"a deadline that has passed, and no retries": {asynq.Deadline(time.Now().Add(-time.Minute)), asynq.MaxRetry(0)},
		"a time shorter than the wait":               {asynq.Timeout(time.Second)},
		"a time shorter than the wait, no retries":   {asynq.Timeout(time.Second), asynq.MaxRetry(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t, 3*time.Second, func(o *worker.Options) { o.Accounts[0].NoPreflight = true })
			s.accept(parcel(0)) // so that the others have to wait
			s.feed()
			s.putTask(parcel(1).Key().String(), payload(parcel(1)), options...)
			s.putTask(parcel(2).Key().String(), payload(parcel(2)), options...)
			s.accept(parcel(2)) // the same, handed over as it should be
			s.feed()
			s.start()
			s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 3 })
			s.until("nothing left", func() bool { return s.place(parcel(1)) == tasks.Nowhere && s.place(parcel(2)) == tasks.Nowhere })
			if n := len(s.called()); n != 3 {
				t.Errorf("%d ship calls for 3 shipments", n)
			}
			s.lawful()
		})
	}
}

// A task of a shipment that the ledger has in line now is put off for a year by somebody else, and so bars its id.
func TestATaskThatIsPutOffBarsNoShipment(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.putTask(parcel(1).Key().String(), payload(parcel(1)), asynq.ProcessIn(365*24*time.Hour))
	s.accept(parcel(1))
	s.feed()
	s.age()
	s.must(w.Reload(t.Context()))
	s.must(w.Feed(t.Context()))
	row := s.row(parcel(1))
	if has, err := s.belt.Has(t.Context(), tasks.Item{Shipment: row.Shipment, Line: tasks.Retry, N: row.Version}); err != nil || !has {
		t.Errorf("not in line: %+v (%v)", row, err)
	}
}

// A task without retries is given up by asynq when the worker stops while the ledger is away. The next worker takes
// its shipment on, whether the ledger knows it or not.
func TestWhatAsynqGaveUpIsShipped(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"known": true, "unknown": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t, 20*time.Millisecond)
			s.putTask(parcel(1).Key().String(), payload(parcel(1)), asynq.MaxRetry(0))
			if known {
				s.accept(parcel(1))
				s.feed()
			}
			leaving, url := s.options, s.book.URL()
			on(t, url)(&leaving)
			away := make(chan struct{})
			var once sync.Once
			leaving.OnStep = func(string, worker.Step) {
				once.Do(func() {
					s.must(leaving.Book.Close())
					close(away)
				})
			}
			w, err := worker.New(leaving)
			s.must(err)
			w.Start()
			<-away
			s.must(w.Stop(t.Context()))
			if n, err := s.belt.Archived(t.Context(), []string{partner}); err != nil || n != 1 {
				t.Fatalf("asynq has given up %d (%v): this test looks at nothing", n, err)
			}
			s.start()
			s.until("shipped", func() bool { return s.counts()[shipment.Shipped] == 1 })
			s.until("nothing left", func() bool {
				n, err := s.belt.Archived(t.Context(), []string{partner})
				return err == nil && n == 0
			})
			s.lawful()
		})
	}
}

// What is wrong with one account's queue, or with one task, keeps nobody else from rescue and reload.
func TestOneBrokenKeyKeepsNobodyElse(t *testing.T) {
	s := set(t, time.Second)
	creds := *s.options.Accounts[0].Credentials
	creds.Partner = neighbour
	s.options.Accounts = append(s.options.Accounts, worker.Account{Interval: time.Second, Credentials: &creds})
	w := s.idle()
	for _, list := range []string{"pending", "active", "archived"} {
		s.must(s.redis.Set("asynq:{"+tasks.Queue(partner, tasks.Main)+"}:"+list, "a string"))
	}
	s.must(s.redis.Set("asynq:{"+tasks.Queue(neighbour, tasks.Main)+"}:t:"+neighbour+":1", "a string")) // an orphan's
	s.must(s.belt.Redis().LPush(t.Context(), "asynq:{"+tasks.Queue(neighbour, tasks.Main)+"}:active", neighbour+":1").Err())
	theirs := []shipment.Shipment{parcel(7), parcel(8)}
	for i := range theirs {
		theirs[i].Partner = neighbour
	}
	s.accept(theirs...)
	s.feed()
	queue := "asynq:{" + tasks.Queue(neighbour, tasks.Main) + "}:"
	for _, p := range theirs { // one is in dead hands, of the other the list is lost
		s.must(s.belt.Redis().LRem(t.Context(), queue+"pending", 1, p.Key().String()).Err())
	}
	s.must(s.belt.Redis().LPush(t.Context(), queue+"active", theirs[0].Key().String()).Err())
	if w.Rescue(t.Context()) == nil {
		t.Error("rescue says nothing of it")
	}
	if r := s.row(theirs[0]); r.Version != 2 {
		t.Errorf("the neighbour's orphan is not adopted: %+v", r)
	}
	s.age()
	if w.Reload(t.Context()) == nil {
		t.Error("reload says nothing of it")
	}
	if r := s.row(theirs[1]); r.Version != 2 {
		t.Errorf("what the neighbour's queue has lost is not brought back: %+v", r)
	}
}
