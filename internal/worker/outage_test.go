package worker_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// script runs SQL in the scene's ledger, past the worker.
func (s *scene) script(query string, args ...any) error {
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.book.URL(), "sqlite:")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(context.Background(), query, args...)
	return errors.Join(err, db.Close())
}

// What takes the ledger away from everybody at once, reading and writing, and what brings it back.
const (
	ledgerAway = `ALTER TABLE shipments RENAME TO shipments_away; ALTER TABLE accounts RENAME TO accounts_away; ALTER TABLE calls RENAME TO calls_away`
	ledgerBack = `ALTER TABLE shipments_away RENAME TO shipments; ALTER TABLE accounts_away RENAME TO accounts; ALTER TABLE calls_away RENAME TO calls`
	redisAway  = "ERR Redis is away for the test" // an error that the client does not try again by itself
)

// said tells whether somebody other than the loops, which always have something to say, has complained.
func (l *logbook) said(complaint string) bool {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, complaint) && !strings.Contains(line, "nothing is lost") {
			return true
		}
	}
	return false
}

// outage is a step of the handler at which the ledger or Redis goes away.
type outage struct {
	at    worker.Step
	redis bool
}

func (o outage) String() string {
	if o.redis {
		return "no Redis at " + string(o.at)
	}
	return "no ledger at " + string(o.at)
}

// outages are the ledger at every step that it is needed after, and Redis at those that put something in line.
func outages() (all []outage) {
	for _, at := range worker.Steps() {
		if at != worker.StepDone {
			all = append(all, outage{at: at})
		}
	}
	return append(all, outage{worker.StepPut, true}, outage{worker.StepLater, true}, outage{worker.StepHandBack, true})
}

// Ledger or Redis goes away while the handler is at each of its steps in turn: it says so, waits, and goes on by
// itself from where it was, and in the end everything is as promised.
func TestAwayAtEveryStep(t *testing.T) {
	for _, o := range outages() {
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			awayAt(t, o)
		})
	}
}

func awayAt(t *testing.T, o outage) {
	var log logbook
	s := set(t, pace, logged(&log), func(p *worker.Options) {
		p.CallTimeout = callTimeout
		p.WithoutRescue = o.at == worker.StepTakeOver || o.at == worker.StepTakenOver // it would be faster
	})
	y := &yard{t: t, gateway: s.gateway, book: s.book, belt: s.belt, wanted: make(map[string]bool)}
	y.lay(o.at)
	if o.at == worker.StepLater { // sooner than a process of its own would need
		s.must(s.script(`UPDATE shipments SET not_before = not_before - 8000000 WHERE not_before > 0`))
	}
	gone := make(chan struct{})
	s.options.OnStep = func(_ string, at worker.Step) {
		select {
		case <-gone:
			return
		default:
		}
		if at != o.at {
			return
		}
		defer close(gone)
		if o.redis {
			s.redis.SetError(redisAway)
		} else if err := s.script(ledgerAway); err != nil {
			t.Error(err)
		}
	}
	stop := s.start()
	if o.at == worker.StepHandBack {
		s.until("in hand, on hold", func() bool { return strings.Contains(log.String(), "on hold") })
		stop()
	}
	s.until("at the step", func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	if o.at != worker.StepHandBack { // it has nobody left to tell
		s.until("said", func() bool { return log.said("no such table") || log.said("away for the test") })
	}
	if o.redis {
		s.redis.SetError("")
		y.expire(time.Minute) // asynq has lost what it was told at the end of a task, and keeps it in hand for half a minute
	} else {
		s.must(s.script(ledgerBack))
	}
	if o.at == worker.StepHandBack {
		_, err := s.book.Release(t.Context(), partner, "", "test")
		s.must(err)
		s.start()
	}
	y.until("all settled", y.settled)
	y.audit()
	y.lawful()
}

// breaker is a hook that lets something break at the n-th command that Redis is given.
type breaker struct {
	mu   sync.Mutex
	left int
	then func()
}

func (b *breaker) arm(n int, then func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.then = n, then
}

// blown tells whether it has come to that.
func (b *breaker) blown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left <= 0
}

func (b *breaker) count() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left--; b.left == 0 {
		b.then()
	}
}

// DialHook implements redis.Hook.
func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { b.count(); return next(ctx, cmd) }
}

// ProcessPipelineHook implements redis.Hook.
func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { b.count(); return next(ctx, cmds) }
}

// Redis or the ledger goes away in the middle of a loop's work, at each command to Redis in turn: the error is
// handed up, or what is missing is left to the feeder, nothing is concluded from it, and the next time the whole
// work is done. The ledger is asked only now and then between two commands, so every third is often enough for it.
func TestAwayInTheMiddleOfALoop(t *testing.T) {
	loops := map[string]func(w *worker.Worker, ctx context.Context) error{
		"rescue": (*worker.Worker).Rescue, "reload": (*worker.Worker).Reload,
	}
	for name, loop := range loops {
		for what, each := range map[string]int{"redis": 1, "ledger": 3} {
			t.Run(name+" without "+what, func(t *testing.T) {
				t.Parallel()
				for n := 1; awayAfter(t, n, what == "redis", loop); n += each {
					if n > 200 {
						t.Fatal("no end of it")
					}
				}
			})
		}
	}
}

// awayAfter lets a loop break at the n-th command; false when it gives fewer.
func awayAfter(t *testing.T, n int, redisGoes bool, loop func(*worker.Worker, context.Context) error) bool {
	var log logbook
	s := set(t, time.Second, logged(&log))
	b := &breaker{}
	s.belt.Redis().AddHook(b)
	w := s.idle()
	s.havoc()
	b.arm(n, func() {
		if redisGoes {
			s.redis.SetError(redisAway)
		} else if err := s.script(ledgerAway); err != nil {
			t.Error(err)
		}
	})
	err := loop(w, t.Context())
	if !b.blown() {
		s.must(err)
		return false
	}
	if redisGoes {
		s.redis.SetError("")
	} else {
		s.must(s.script(ledgerBack))
	}
	if err == nil && redisGoes && !strings.Contains(log.String(), "the feeder will bring the queue up to date") {
		t.Errorf("command %d failed, and the loop says that all is well", n)
	}
	s.age()
	for _, next := range []func(context.Context) error{w.Rescue, w.Reload, w.Feed} {
		s.must(next(t.Context()))
	}
	s.repaired(n)
	return true
}

// The shipments of havoc.
var (
	waiting  = parcel(0) // in line, as it should be
	unfed    = parcel(1) // accepted, not in line yet
	mislaid  = parcel(2) // in line as far as the ledger knows
	orphaned = parcel(3) // in the hands of a process that has died
	foreign  = parcel(4) // likewise, and the ledger has never seen it
	silenced = parcel(5) // called by a process that has died, its fence is over
	denied   = parcel(6) // refused for good by an answer to such a process, before it could query
	buried   = parcel(7) // dead, and its dead letter is lost
	alive    = parcel(8) // not dead, and there is a dead letter
)

// havoc leaves behind what a process that died and a Redis that lost something can leave behind.
func (s *scene) havoc() {
	s.t.Helper()
	ctx, r := s.t.Context(), s.belt.Redis()
	queue := "asynq:{" + tasks.Queue(partner, tasks.Main) + "}:"
	inHand := func(id string) {
		s.must(r.LRem(ctx, queue+"pending", 0, id).Err())
		s.must(r.LPush(ctx, queue+"active", id).Err())
		s.must(r.HSet(ctx, queue+"t:"+id, "state", "active").Err())
	}
	s.accept(waiting, mislaid, orphaned, silenced, denied, buried, alive)
	_, err := s.book.Settle(ctx, s.row(buried), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
	s.must(err)
	s.feed()
	for _, p := range []shipment.Shipment{denied, silenced} {
		begun, err := s.book.Begin(ctx, s.row(p), ledger.Attempt{Service: "ship", Worker: "dead", Params: "{}"})
		s.must(err)
		if p == denied {
			_, err = s.book.Finish(ctx, begun, ledger.Finish{Answered: true, Since: time.Hour, Move: ledger.Move{
				To: shipment.Dead, Bar: true, Reason: shipment.ReasonTradeStatusNotAvailable, Code: "TRADE_STATUS_NOT_AVAILD",
			}})
			s.must(err)
		}
	}
	s.must(r.LRem(ctx, queue+"pending", 0, mislaid.Key().String()).Err())
	s.must(r.Del(ctx, queue+"t:"+mislaid.Key().String()).Err())
	inHand(orphaned.Key().String())
	s.must(s.belt.Put(ctx, tasks.Item{Shipment: foreign, Line: tasks.Main}))
	inHand(foreign.Key().String())
	_, err = asynq.NewClientFromRedisClient(r).EnqueueContext(ctx, asynq.NewTask("other:type", []byte("no shipment")),
		asynq.TaskID(strange), asynq.Queue(tasks.Queue(partner, tasks.Main)))
	s.must(err)
	inHand(strange)
	s.must(s.belt.RemoveDead(ctx, buried.Key()))
	s.must(s.belt.PutDead(ctx, tasks.DeadLetter{Shipment: alive, Reason: shipment.ReasonNotShippable}))
	s.age()
	s.accept(unfed)
}

// repaired checks that nothing of it is left.
func (s *scene) repaired(n int) {
	s.t.Helper()
	for _, p := range []shipment.Shipment{waiting, unfed, mislaid, orphaned, foreign, silenced, alive} {
		if row := s.row(p); row.State != shipment.Queued || row.Feed || s.place(p) != tasks.Present {
			s.t.Errorf("broken at command %d: %s is not in line: %+v", n, p.TradeNo, row)
		}
	}
	dead, err := s.belt.Dead(s.t.Context())
	s.must(err)
	letters := fmt.Sprint(dead.At(denied.Key()), dead.At(buried.Key()), dead.At(shipment.Key{Partner: partner, TradeNo: "task-" + strange}), dead.At(alive.Key()))
	if letters != fmt.Sprint(tasks.Present, tasks.Present, tasks.Present, tasks.Nowhere) {
		s.t.Errorf("broken at command %d: dead letters %s", n, letters)
	}
	if q := s.queries(denied); q > 1 {
		s.t.Errorf("broken at command %d: queried %d times for the evidence", n, q)
	}
	if orphans, err := s.belt.Orphans(s.t.Context(), partner); err != nil || len(orphans) != 0 {
		s.t.Errorf("broken at command %d: orphans %v (%v)", n, orphans, err)
	}
}
