package worker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// idle makes the scene's worker without starting it.
func (s *scene) idle() *worker.Worker {
	s.t.Helper()
	w, err := worker.New(s.options)
	s.must(err)
	s.must(s.book.Announce(s.t.Context(), []ledger.Account{{Partner: partner, Interval: time.Second}}))
	return w
}

// age makes every row as old as if nothing had happened to it for a minute.
func (s *scene) age() {
	s.t.Helper()
	s.must(s.script(`UPDATE shipments SET changed_at = changed_at - 60000000`))
}

func (s *scene) place(p shipment.Shipment) tasks.Where {
	s.t.Helper()
	there, err := s.belt.Snapshot(s.t.Context(), partner)
	s.must(err)
	return there.At(p.Key())
}

func TestReloadPutsBackWhatTheBeltLost(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcels(3)...)
	s.must(w.Feed(t.Context()))
	s.redis.Del("asynq:{ship-" + partner + "}:pending")
	s.must(w.Reload(t.Context()))
	if s.row(parcel(0)).Feed {
		t.Error("a row that has only just changed was called lost: its task may be on its way")
	}
	// Of the first the list is lost and asynq's record is not: its id is taken. Of the others all is lost.
	for n := range 3 {
		if n > 0 {
			s.redis.Del("asynq:{ship-" + partner + "}:t:" + parcel(n).Key().String())
		}
	}
	s.age()
	s.must(w.Reload(t.Context()))
	s.must(w.Feed(t.Context()))
	for n := range 3 {
		if s.place(parcel(n)) != tasks.Present {
			t.Errorf("shipment %d is not back on the belt", n)
		}
	}
}

// orphan leaves a task as a process does that is killed with it in hand: active, its lease over.
func (s *scene) orphan(p shipment.Shipment) {
	s.t.Helper()
	queue, id := "asynq:{ship-"+partner+"}:", p.Key().String()
	r := s.belt.Redis()
	s.must(r.LMove(s.t.Context(), queue+"pending", queue+"active", "RIGHT", "LEFT").Err())
	s.must(r.HSet(s.t.Context(), queue+"t:"+id, "state", "active").Err())
	s.must(r.ZAdd(s.t.Context(), queue+"lease", redis.Z{Score: float64(time.Now().Add(-time.Minute).Unix()), Member: id}).Err())
}

func TestRescueBringsBackWhatADeadProcessHasInHand(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcel(0))
	s.must(w.Feed(t.Context()))
	s.orphan(parcel(0))
	before := s.row(parcel(0))
	for range 3 { // however often it looks, one new task
		s.must(w.Rescue(t.Context()))
		s.must(w.Feed(t.Context()))
	}
	row := s.row(parcel(0))
	if row.Version != before.Version+1 || !row.Begun || row.Feed {
		t.Fatalf("%+v", row)
	}
	if has, err := s.belt.Has(t.Context(), tasks.Item{Shipment: row.Shipment, Line: tasks.Retry, N: row.Version}); err != nil || !has {
		t.Errorf("not in the retry queue: %v %v", has, err)
	}
}

func TestReloadBringsBackOrphansToo(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcel(0))
	s.must(w.Feed(t.Context()))
	s.orphan(parcel(0))
	s.age()
	s.must(w.Reload(t.Context()))
	if row := s.row(parcel(0)); !row.Feed || row.Version != 2 {
		t.Fatalf("%+v", row)
	}
}

func TestRescueTakesOverAfterTheFence(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcel(0))
	_, err := s.book.Begin(t.Context(), s.row(parcel(0)), ledger.Attempt{Service: "x", Worker: "dead", Params: "{}"}) // a fence that has passed
	s.must(err)
	s.must(w.Rescue(t.Context()))
	s.must(w.Feed(t.Context()))
	if row := s.row(parcel(0)); row.State != shipment.Queued || !row.Doubt {
		t.Fatalf("%+v", row)
	}
	if s.place(parcel(0)) != tasks.Present {
		t.Error("not on the belt")
	}
}

func TestReloadKeepsTheDeadLetterQueueTrue(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcels(2)...)
	_, err := s.book.Settle(t.Context(), s.row(parcel(0)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
	s.must(err)
	s.must(w.Feed(t.Context()))
	s.must(s.belt.RemoveDead(t.Context(), parcel(0).Key()))                                    // lost by Redis
	s.must(s.belt.PutDead(t.Context(), tasks.DeadLetter{Shipment: parcel(1), At: time.Now()})) // not dead at all
	s.age()
	s.must(w.Reload(t.Context()))
	s.must(w.Feed(t.Context()))
	there, err := s.belt.Dead(t.Context())
	s.must(err)
	if there[parcel(0).Key()] != tasks.Present || there[parcel(1).Key()] != tasks.Nowhere {
		t.Errorf("%v", there)
	}
}

func TestWhatAsynqHasArchivedComesBack(t *testing.T) {
	for name, loop := range map[string]func(*worker.Worker) error{
		"rescue": func(w *worker.Worker) error { return w.Rescue(t.Context()) },
		"reload": func(w *worker.Worker) error { return w.Reload(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			s := set(t, time.Second, func(o *worker.Options) { o.Metrics = registry })
			w := s.idle()
			s.accept(parcel(0))
			s.must(w.Feed(t.Context()))
			inspector := asynq.NewInspectorFromRedisClient(s.belt.Redis())
			s.must(inspector.ArchiveTask(tasks.Queue(partner, tasks.Main), parcel(0).Key().String()))
			s.age()
			s.must(loop(w))
			s.must(w.Feed(t.Context()))
			row := s.row(parcel(0))
			if has, err := s.belt.Has(t.Context(), tasks.Item{Shipment: row.Shipment, Line: tasks.Retry, N: row.Version}); err != nil || !has || row.Version != 2 {
				t.Errorf("not on the belt again: %+v %v", row, err)
			}
			s.must(w.Reload(t.Context()))
			if n := gathered(t, registry, "fahuo_asynq_archived"); n != 1 {
				t.Errorf("%v given up, says the alarm", n)
			}
		})
	}
}

// begun begins a call as a process that ends right after, with a fence that is over at once.
func (s *scene) begun(p shipment.Shipment) ledger.Row {
	s.t.Helper()
	begun, err := s.book.Begin(s.t.Context(), s.row(p), ledger.Attempt{Service: alipay.ServiceShip, Worker: "dead", Params: "{}"})
	s.must(err)
	return begun
}

// refused records TRADE_STATUS_NOT_AVAILD as the answer to a call.
func (s *scene) refused(begun ledger.Row) {
	s.t.Helper()
	_, err := s.book.Finish(s.t.Context(), begun, ledger.Finish{Answered: true, Since: time.Hour, Move: ledger.Move{
		To: shipment.Dead, Bar: true, Reason: shipment.ReasonTradeStatusNotAvailable, Code: "TRADE_STATUS_NOT_AVAILD",
	}})
	s.must(err)
}

// C1: a worker that ends between the refusal and the query leaves the query to another, once.
func TestTheEvidenceIsGatheredAfterwards(t *testing.T) {
	s := set(t, time.Second)
	first, second := s.idle(), s.idle()
	s.accept(parcels(2)...)
	for n := range 2 {
		s.refused(s.begun(parcel(n)))
	}
	s.must(first.Examine(t.Context()))
	if s.queries(parcel(0)) != 0 {
		t.Error("queried while its worker may still do it")
	}
	s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: parcel(1).TradeNo, Kind: alipaytest.ServerError}) // it counts all the same
	for range 3 {
		s.age()
		s.must(first.Examine(t.Context()))
		s.must(second.Examine(t.Context()))
	}
	for n := range 2 {
		if q := s.queries(parcel(n)); q != 1 {
			t.Errorf("shipment %d was queried %d times", n, q)
		}
	}
	if r := s.row(parcel(0)); r.TradeStatus != "WAIT_SELLER_SEND_GOODS" {
		t.Errorf("%+v", r)
	}
}

// A dead letter whose list Redis has lost and whose task it has kept is put there anew, and keeps nobody else
// from the belt.
func TestOneBrokenTaskDoesNotStopTheFeeder(t *testing.T) {
	s := set(t, time.Second)
	w := s.idle()
	s.accept(parcels(3)...)
	_, err := s.book.Settle(t.Context(), s.row(parcel(0)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
	s.must(err)
	s.must(s.belt.PutDead(t.Context(), tasks.DeadLetter{Shipment: parcel(0), At: time.Now()}))
	s.redis.Del("asynq:{dead-letter}:pending")
	s.must(s.belt.Redis().Set(t.Context(), "asynq:{ship-"+partner+"}:t:"+parcel(1).Key().String(), "not what asynq keeps", 0).Err())
	_ = w.Feed(t.Context()) // whether the second could be fed is not the question
	there, err := s.belt.Dead(t.Context())
	if err != nil || there[parcel(0).Key()] != tasks.Present {
		t.Errorf("the dead letter is not in its queue: %v %v", there, err)
	}
	if s.place(parcel(2)) != tasks.Present {
		t.Error("the third is not on the belt")
	}
}

func TestArchivedTasksRaiseTheAlarm(t *testing.T) {
	var log bytes.Buffer
	s := set(t, time.Second, func(o *worker.Options) { o.Log = zerolog.New(&log) })
	w := s.idle()
	_, err := s.redis.ZAdd("asynq:{ship-"+partner+"}:archived", 1, "x")
	s.must(err)
	s.must(w.Reload(t.Context()))
	if !strings.Contains(log.String(), "archived") {
		t.Errorf("no alarm: %s", log.String())
	}
}

func TestABeltOfAnotherLedgerStopsTheWorker(t *testing.T) {
	s := set(t, time.Second)
	_, err := s.belt.Mark(t.Context(), "somebody else", "sqlite:/else.db")
	s.must(err)
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	if err := <-w.Failed(); !errors.Is(err, tasks.ErrForeign) {
		t.Errorf("%v", err)
	}
	s.must(w.Stop(context.Background()))
	s.must(w.Stop(context.Background())) // again
}

func TestOptionsAreCheckedTogether(t *testing.T) {
	_, err := worker.New(worker.Options{Accounts: []worker.Account{{}, {}}})
	if err == nil {
		t.Fatal("an empty worker")
	}
	for _, want := range []string{"gateway", "call timeout", "retry base", "retry budget", "name", "credentials"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
