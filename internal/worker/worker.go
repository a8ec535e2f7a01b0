package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/tasks"
)

// Worker is the assembled program: a lane per account, the feeder and rescue.
type Worker struct {
	o       Options
	lanes   []*lane
	metrics *metrics

	asynqLog zerolog.Logger // shared by all lanes, so that what they all complain of is said a few times only

	ctx     context.Context // ends when Stop gives up waiting
	cancel  context.CancelFunc
	loops   context.Context // ends when Stop begins: feeder, rescue and reload
	endLoop context.CancelFunc
	done    sync.WaitGroup
	failed  chan error

	givenUp atomic.Int64 // tasks that asynq had given up and whose shipments were taken on

	asking asking

	mu     sync.Mutex
	drain  chan struct{} // closed when Stop begins: no new call
	beltID string        // of the belt, as the feeder last saw it

	stopping sync.Once
	stopped  chan struct{} // closed when everything has ended
}

// New checks the options and puts the parts together. Nothing is opened or called.
func New(o Options) (*Worker, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	loops, endLoop := context.WithCancel(ctx)
	w := &Worker{
		o: o, metrics: newMetrics(o.Metrics), ctx: ctx, cancel: cancel, loops: loops, endLoop: endLoop,
		asking: asking{busy: make(map[string]bool)}, drain: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan error, 1),
	}
	w.asynqLog = o.Log.Sample(&zerolog.BurstSampler{Burst: 3, Period: 30 * time.Second}).With().Str("part", "asynq").Logger()
	o.Book.Observe(func(op string, took time.Duration) { w.metrics.ledger.WithLabelValues(op).Observe(took.Seconds()) })
	for _, a := range o.Accounts {
		w.lanes = append(w.lanes, newLane(w, a))
	}
	return w, nil
}

// Start begins to work, in the background: it waits for ledger and Redis when they are away, and goes
// on by itself when they come back. Failed reports what waiting cannot mend.
func (w *Worker) Start() {
	w.done.Add(1)
	go func() {
		defer w.done.Done()
		if err := w.run(); err != nil && w.loops.Err() == nil {
			w.failed <- err
		}
	}()
}

// Failed delivers an error that waiting cannot mend: a Redis of another ledger, or other workers of this
// ledger at another Redis.
func (w *Worker) Failed() <-chan error { return w.failed }

// run announces the accounts, claims the belt, loads it, and starts the lanes; then it feeds and
// rescues until Stop.
func (w *Worker) run() error {
	if err := w.persist("announce the accounts", w.announce); err != nil {
		return err
	}
	if err := w.persist("reach the belt", w.takeBelt); err != nil {
		return err
	}
	if err := w.checkMemory(w.loops); err != nil && w.loops.Err() == nil {
		w.o.Log.Debug().Err(err).Msg("Redis does not tell how it treats memory")
	}
	var loops sync.WaitGroup
	if !w.o.WithoutFeeder || !w.o.WithoutRescue { // the handler alone, for tests, has nothing else under way
		loops.Go(func() { w.every(beatEvery, "say that it works", w.beat) }) // loading the belt may take a while
	}
	w.loadBelt()
	if !w.startLanes() {
		loops.Wait()
		return nil
	}
	if !w.o.WithoutFeeder {
		loops.Go(func() { w.every(feedEvery, "feed the belt", w.feed) })
	}
	if !w.o.WithoutRescue {
		loops.Go(func() { w.every(rescueEvery, "rescue", w.rescue) })
		// By itself: a gateway that is silent takes long, and calls past their fences do not wait for it.
		loops.Go(func() { w.every(rescueEvery, "gather evidence", w.examine) })
		loops.Go(func() { w.every(reloadEvery, "compare ledger and belt", w.reload) })
	}
	loops.Go(func() { w.every(gaugeEvery, "count", w.gauge) })
	loops.Go(func() { w.every(questionEvery, "answer what people ask", w.answerQuestions) })
	loops.Wait()
	w.asking.running.Wait()
	w.sayStopped()
	return nil
}

// errTwoBelts says that waiting cannot mend it: other workers of this ledger use another Redis.
var errTwoBelts = errors.New("two belts")

// claim makes sure that the belt is this ledger's, and says that it is in use. It runs before every feeding,
// so it is also how a wiped Redis is noticed.
func (w *Worker) claim(ctx context.Context) error {
	id, err := intake.ClaimBelt(ctx, w.o.Book, w.o.Belt, w.o.Name, w.belt())
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beltID = id
	return nil
}

// belt is the id of the belt that this worker uses; empty: none yet.
func (w *Worker) belt() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beltID
}

// beltLook is how often a worker that waits for the belt looks whether the other one has left.
const beltLook = time.Second

// takeBelt is claim at the start, when the ledger may say that another belt was in use a moment ago. Whether
// it still is shows when somebody says so again; a worker that was killed says nothing more, and one that was
// stopped has taken it back.
func (w *Worker) takeBelt(ctx context.Context) error {
	var seen time.Time
	for {
		err := w.claim(ctx)
		var other *ledger.OtherBeltError
		switch {
		case !errors.As(err, &other):
			return err
		case seen.IsZero():
			w.tellWaiting(other)
		case other.Other.Seen.After(seen):
			return fmt.Errorf("%w: %w", errTwoBelts, err)
		}
		seen = other.Other.Seen
		if !w.idle(min(beltLook, ledger.BeltLease-other.Ago)) {
			return context.Canceled
		}
	}
}

// tellWaiting says whom this worker waits for, and until when.
func (w *Worker) tellWaiting(other *ledger.OtherBeltError) {
	now := time.Now()
	until := now.Add(ledger.BeltLease - other.Ago + time.Second - 1).In(intake.Beijing).Format("15:04:05")
	text := fmt.Sprintf("last used by a worker %d s ago; if it was stopped, this one goes on at %s", int(other.Ago.Seconds()), until)
	w.o.Log.Warn().Str("redis", other.Mine.Name).Str("other_redis", other.Other.Name).Str("other_worker", other.Other.Worker).
		Msg("this ledger has another Redis, " + text)
	if w.o.OnEvent != nil {
		w.o.OnEvent(Event{At: now, Kind: EventWaiting, Detail: text})
	}
}

// leaveLimit is how long the ledger is given to note that the belt is left: nobody is kept from stopping.
const leaveLimit = 3 * time.Second

// leaveBelt takes back that this worker uses the belt, so that one with another Redis need not wait until its
// word lapses. Last of all: until then lanes and feeder put tasks there. If it cannot be said, that one waits.
func (w *Worker) leaveBelt() {
	id := w.belt()
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, leaveLimit)
	defer cancel()
	if err := w.o.Book.LeaveBelt(ctx, ledger.Belt{ID: id, Worker: w.o.Name}); err != nil {
		w.o.Log.Debug().Err(err).Msg("the belt could not be given back; a worker with another Redis waits a few seconds")
	}
}

// hopeless tells whether an error is one that waiting cannot mend.
func hopeless(err error) bool { return errors.Is(err, tasks.ErrForeign) || errors.Is(err, errTwoBelts) }

// loadBelt puts what is in line on the belt before the lanes start, so that they find the order that is meant. What
// cannot be fed
// is no reason not to work on the rest.
func (w *Worker) loadBelt() {
	if w.o.WithoutFeeder {
		return
	}
	ctx, cancel := context.WithTimeout(w.loops, 5*time.Minute)
	defer cancel()
	if _, err := intake.FeedLine(ctx, w.o.Book, w.o.Belt); err != nil && w.loops.Err() == nil {
		w.o.Log.Warn().Err(err).Msg("not everything could be put on the belt; trying on, nothing is lost")
	}
}

// startLanes starts every lane unless Stop was faster.
func (w *Worker) startLanes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining() {
		return false
	}
	check := delayedCheck(len(w.lanes))
	for _, l := range w.lanes {
		l.start(check)
	}
	w.o.Log.Info().Int("accounts", len(w.lanes)).Msg("working")
	return true
}

func (w *Worker) announce(ctx context.Context) error {
	accounts := make([]ledger.Account, len(w.lanes))
	for i, l := range w.lanes {
		accounts[i] = ledger.Account{Partner: l.partner, Name: l.a.Name, Interval: l.a.Interval}
	}
	known, err := w.o.Book.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, k := range known {
		for _, a := range accounts {
			if a.Partner == k.Partner && a.Interval != k.Interval {
				w.o.Log.Warn().Str("partner", a.Partner).Dur("announced_ms", k.Interval).Dur("mine_ms", a.Interval).
					Msg("this worker's interval differs from the one announced before; should another worker still run with that, make them agree")
			}
		}
	}
	return w.o.Book.Announce(ctx, accounts)
}

// persist repeats f until it succeeds, Stop is called, or waiting cannot mend it.
func (w *Worker) persist(what string, f func(context.Context) error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		ctx, cancel := context.WithTimeout(w.loops, 60*time.Second)
		err := f(ctx)
		cancel()
		if err == nil || hopeless(err) || w.loops.Err() != nil {
			return err
		}
		w.o.Log.Warn().Err(err).Dur("again_in", wait).Msgf("cannot %s yet; waiting", what)
		if !w.idle(wait) {
			return context.Canceled
		}
	}
}

// idle waits; false when Stop was called meanwhile.
func (w *Worker) idle(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.drain:
		return false
	}
}

// pause waits; false when Stop has given up waiting.
func (w *Worker) pause(d time.Duration) bool { return ratelimit.Sleep(w.ctx, d) == nil }

// every runs f at once and then now and then until Stop.
func (w *Worker) every(d time.Duration, what string, f func(context.Context) error) {
	broken := false
	for again := true; again; again = w.idle(d) {
		ctx, cancel := context.WithTimeout(w.loops, 5*time.Minute)
		err := f(ctx)
		cancel()
		if hopeless(err) {
			select {
			case w.failed <- err:
			default:
			}
			return
		}
		if err != nil && w.loops.Err() == nil && !broken {
			w.o.Log.Warn().Err(err).Str("redis", w.o.Belt.URL()).Msgf("cannot %s; trying on, nothing is lost", what)
		}
		if err == nil && broken {
			w.o.Log.Info().Msgf("can %s again", what)
		}
		broken = err != nil
	}
}

// Stop stops gently: no new call is begun; a call under way ends and is recorded; what is only in
// hand goes back in line. It takes at most a call's time, or until ctx is done; then it stops at
// once. It may be called more than once.
func (w *Worker) Stop(ctx context.Context) error {
	w.beginStop()
	w.stopping.Do(func() { //nolint:contextcheck // what is done here ends with w.ctx, when Stop gives up, whoever has called it
		go func() {
			defer close(w.stopped)
			w.done.Wait()
			var lanes sync.WaitGroup
			for _, l := range w.lanes {
				lanes.Go(l.stop)
			}
			lanes.Wait()
			w.leaveBelt()
		}()
	})
	limit := time.NewTimer(ratelimit.MaxWindow + w.o.CallTimeout + 10*time.Second)
	defer limit.Stop()
	var err error
	select {
	case <-w.stopped:
	case <-ctx.Done():
		err = ctx.Err()
	case <-limit.C:
		err = fmt.Errorf("not stopped after %v", ratelimit.MaxWindow+w.o.CallTimeout+10*time.Second)
	}
	w.cancel()
	// What is left ends at once now. It is waited for, since asynq panics when its Redis is closed under it.
	last := time.NewTimer(lastWait)
	defer last.Stop()
	select {
	case <-w.stopped:
	case <-last.C:
	}
	return err
}

const lastWait = 5 * time.Second

// beginStop keeps asynq from handing out more, then tells the handlers: the other way round each lane would
// go through its queue and give everything back.
func (w *Worker) beginStop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining() {
		return
	}
	w.endLoop()
	// All at once: asynq lets go of a lane that looks for work only when it has slept out.
	var lanes sync.WaitGroup
	for _, l := range w.lanes {
		lanes.Go(l.halt)
	}
	lanes.Wait()
	close(w.drain)
}

func (w *Worker) draining() bool {
	select {
	case <-w.drain:
		return true
	default:
		return false
	}
}

// delayedCheck is how often asynq looks for tasks whose time has come: often for a few accounts,
// rarely for many, since every lane asks for itself.
func delayedCheck(accounts int) time.Duration {
	return min(5*time.Second, max(time.Second, time.Duration(accounts)*20*time.Millisecond))
}
