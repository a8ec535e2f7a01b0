package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/time/rate"

	"fahuo/internal/ratelimit"
	"fahuo/internal/tasks"
)

// lane is one account's queues and its one pair of hands.
type lane struct {
	w       *Worker
	partner string
	account atomic.Pointer[Account] // may be replaced at any time; see a

	drain chan struct{}   // closed when this lane is to end: no new call
	quit  context.Context // ends with it: nobody waits for a preflight
	end   func()

	local   *ratelimit.Limiter // stands behind the ledger's slot
	queries *rate.Limiter
	server  *asynq.Server

	mu       sync.Mutex
	started  bool
	window   time.Duration // V
	lastCall time.Time     // when this process's last ship call was written
	mayQuery bool          // false once Alipay has refused it
	seen     seen          // what was last reported
}

func newLane(w *Worker, a Account) *lane {
	l := &lane{
		w: w, partner: a.Credentials.Partner, window: ratelimit.MinWindow, mayQuery: true,
		local:   ratelimit.NewLimiter(a.Interval),
		queries: rate.NewLimiter(rate.Every(queryEvery(a.Interval)), 1),
		drain:   make(chan struct{}),
	}
	l.account.Store(&a)
	var quit context.CancelFunc
	l.quit, quit = context.WithCancel(w.loops)
	l.end = sync.OnceFunc(func() { quit(); close(l.drain) })
	return l
}

// a is the account as it is configured now. Whoever needs two of its fields to agree asks once.
func (l *lane) a() Account { return *l.account.Load() }

// take configures the account anew; a call under way ends as it began.
func (l *lane) take(a Account) {
	l.account.Store(&a)
	l.local.SetInterval(a.Interval)
	l.queries.SetLimit(rate.Every(queryEvery(a.Interval)))
}

func (l *lane) draining() bool {
	select {
	case <-l.drain:
		return true
	default:
		return false
	}
}

func (l *lane) name() string {
	if name := l.a().Name; name != "" {
		return name
	}
	return l.partner
}

// start lets asynq hand out tasks. Concurrency 1 is not what keeps two calls apart (asynq frees the
// place when it believes a task lost); the ledger's slot is.
func (l *lane) start(delayed time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server = asynq.NewServerFromRedisClient(l.w.o.Belt.Redis(), asynq.Config{
		Concurrency: 1, Queues: tasks.Queues(l.partner), StrictPriority: true,
		TaskCheckInterval: taskCheck, DelayedTaskCheckInterval: delayed,
		ShutdownTimeout: ratelimit.MaxWindow + l.w.o.CallTimeout + 5*time.Second,
		// asynq must never count towards giving up: the budget is the ledger's.
		IsFailure:      func(error) bool { return false },
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Second },
		ErrorHandler:   asynq.ErrorHandlerFunc(l.outOfTime),
		Logger:         asynqLog{l.w.asynqLog.With().Str("partner", l.partner).Logger()},
		LogLevel:       asynq.WarnLevel,
	})
	if err := l.server.Start(asynq.HandlerFunc(l.process)); err != nil {
		l.w.o.Log.Error().Err(err).Str("partner", l.partner).Msg("the lane does not start")
		return
	}
	l.started = true
}

const taskCheck = time.Second

// halt takes no new task.
func (l *lane) halt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		l.server.Stop()
	}
}

// stop waits for the task in hand, which the drain makes end. After halt.
func (l *lane) stop() {
	l.mu.Lock()
	started := l.started
	l.started = false
	l.mu.Unlock() // the handler, which is waited for, needs it
	if !started {
		return
	}
	l.server.Shutdown()
}

// writeWindow is V as it stands.
func (l *lane) writeWindow() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.window
}

// windowMissed and windowKept adapt V to the ledger's speed: a missed window doubles it, a begin that
// was quick again takes it back.
func (l *lane) windowMissed() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.window = ratelimit.NextWindow(l.window)
	return l.window
}

func (l *lane) windowKept(begin time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if begin < ratelimit.MinWindow/2 {
		l.window = ratelimit.MinWindow
	}
}
