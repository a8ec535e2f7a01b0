package worker

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
)

// Worker is the assembled program: a lane per account, the feeder and rescue.
type Worker struct {
	o       Options
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

	mu      sync.Mutex
	lanes   []*lane       // replaced, never changed
	working bool          // lanes have been started
	drain   chan struct{} // closed when Stop begins: no new call
	beltID  string        // of the belt, as the feeder last saw it

	changing sync.Mutex // of two who configure anew one waits

	stopping sync.Once
	stopped  chan struct{} // closed when everything has ended
}

// probeEvery is how far apart the calls of a slowed account are.
func (w *Worker) probeEvery() time.Duration { return cmp.Or(w.o.ProbeEvery, ledger.ProbeEvery) }

// New checks the options and puts the parts together. Nothing is opened or called.
func New(o Options) (*Worker, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	w := assemble(o)
	o.Book.Observe(func(op string, took time.Duration) { w.metrics.ledger.WithLabelValues(op).Observe(took.Seconds()) })
	return w, nil
}

func assemble(o Options) *Worker {
	ctx, cancel := context.WithCancel(context.Background())
	loops, endLoop := context.WithCancel(ctx)
	w := &Worker{
		o: o, metrics: newMetrics(o.Metrics), ctx: ctx, cancel: cancel, loops: loops, endLoop: endLoop,
		asking: asking{busy: make(map[string]bool)}, drain: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan error, 1),
	}
	w.asynqLog = o.Log.Sample(&zerolog.BurstSampler{Burst: 3, Period: 30 * time.Second}).With().Str("part", "asynq").Logger()
	for _, a := range o.Accounts {
		w.lanes = append(w.lanes, newLane(w, a))
	}
	return w
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
	if !w.alone() {
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
	loops.Go(func() { w.every(gaugeEvery, "count", sparing(gaugeAtMost, w.gauge)) })
	if w.o.KeepCalls > 0 {
		loops.Go(func() { w.every(pruneEvery, "forget old calls", w.prune) })
	}
	loops.Go(func() { w.every(questionEvery, "answer what people ask", w.answerQuestions) })
	loops.Wait()
	w.asking.running.Wait()
	if !w.alone() {
		w.sayStopped()
	}
	return nil
}

// alone: the handler alone, for tests, has nothing else under way.
func (w *Worker) alone() bool { return w.o.WithoutFeeder && w.o.WithoutRescue }

// startLanes starts every lane unless Stop was faster.
func (w *Worker) startLanes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining() {
		return false
	}
	w.working = true
	check := delayedCheck(len(w.lanes))
	for _, l := range w.lanes {
		l.start(check)
	}
	w.o.Log.Info().Int("accounts", len(w.lanes)).Msg("working")
	return true
}

// serving are the lanes as they are now.
func (w *Worker) serving() []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lanes
}

func (w *Worker) announce(ctx context.Context) error {
	var all []Account
	for _, l := range w.serving() {
		all = append(all, l.a())
	}
	return w.announceThese(ctx, all)
}

func (w *Worker) announceThese(ctx context.Context, these []Account) error {
	accounts := make([]ledger.Account, len(these))
	for i, a := range these {
		accounts[i] = ledger.Account{Partner: a.Credentials.Partner, Name: a.Name, Interval: a.Interval}
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
			for _, l := range w.serving() {
				lanes.Go(l.stop)
			}
			lanes.Wait()
			w.changing.Lock() // lanes that are being taken out end, too
			defer w.changing.Unlock()
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
	for _, l := range w.lanes {
		l.end()
	}
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
