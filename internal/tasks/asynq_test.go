package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"fahuo/internal/tasks"
)

// What this program leans on in asynq beyond its documentation, one fact a test. One that fails after an
// upgrade says what has to be thought through again; it does not say that asynq is wrong.

const canary = "ship-" + partner

func part(name string) string { return "asynq:{" + canary + "}:" + name }

func zadd(t *testing.T, b *tasks.Belt, key, id string, at time.Time) {
	t.Helper()
	must(t, b.Redis().ZAdd(t.Context(), key, redis.Z{Score: float64(at.Unix()), Member: id}).Err())
}

// eventually polls: asynq tells nobody when it has written what a handler's end makes it write.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(2 * time.Minute)
	for !is() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal("in vain waited for: " + what)
		}
	}
}

// lines keeps what a server logs.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) add(v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, fmt.Sprint(v...))
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.text, func(s string) bool { return strings.Contains(s, part) })
}

func (l *lines) Debug(v ...any) { l.add(v...) }
func (l *lines) Info(v ...any)  { l.add(v...) }
func (l *lines) Warn(v ...any)  { l.add(v...) }
func (l *lines) Error(v ...any) { l.add(v...) }
func (l *lines) Fatal(v ...any) { l.add(v...) }

// serve starts a server set up like a lane's; shut ends it.
func serve(t *testing.T, b *tasks.Belt, handler func(context.Context, *asynq.Task) error) (server *asynq.Server, log *lines, shut func()) {
	t.Helper()
	log = &lines{}
	server = asynq.NewServerFromRedisClient(b.Redis(), asynq.Config{
		Concurrency: 1, Queues: tasks.Queues(partner), StrictPriority: true, Logger: log, LogLevel: asynq.WarnLevel,
		TaskCheckInterval: 5 * time.Millisecond, ShutdownTimeout: 10 * time.Millisecond,
		IsFailure: func(error) bool { return false }, RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour },
	})
	must(t, server.Start(asynq.HandlerFunc(handler)))
	shut = sync.OnceFunc(server.Shutdown)
	t.Cleanup(shut)
	return server, log, shut
}

func enqueue(t *testing.T, b *tasks.Belt, id string, options ...asynq.Option) error {
	t.Helper()
	client := asynq.NewClientFromRedisClient(b.Redis())
	_, err := client.Enqueue(asynq.NewTask("canary", nil, append([]asynq.Option{asynq.TaskID(id), asynq.Queue(canary)}, options...)...))
	return err
}

func state(t *testing.T, b *tasks.Belt, id string) asynq.TaskState {
	t.Helper()
	info, err := look(t, b).GetTaskInfo(canary, id)
	if err != nil {
		return 0
	}
	return info.State
}

// abandon leaves a waiting task as a process leaves it that dies with it in hand, its lease over since ago.
func abandon(t *testing.T, b *tasks.Belt, id string, ago time.Duration) {
	t.Helper()
	must(t, b.Redis().LRem(t.Context(), part("pending"), 1, id).Err())
	must(t, b.Redis().LPush(t.Context(), part("active"), id).Err())
	must(t, b.Redis().HSet(t.Context(), part("t:"+id), "state", "active").Err())
	zadd(t, b, part("lease"), id, time.Now().Add(-ago))
}

func TestAsynqNeverArchivesUnderTheLargestMaxRetry(t *testing.T) {
	refuse := func(context.Context, *asynq.Task) error { return errors.New("not now") }
	for name, c := range map[string]struct {
		retries int
		want    asynq.TaskState
	}{
		"the largest that is stored": {math.MaxInt32, asynq.TaskStateRetry},
		"one that overflows":         {math.MaxInt64, asynq.TaskStateArchived}, // stored as -1
		"none left":                  {0, asynq.TaskStateArchived},             // although IsFailure says it is none
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := connect(t)
			must(t, enqueue(t, b, "x", asynq.MaxRetry(c.retries)))
			_, _, shut := serve(t, b, refuse)
			eventually(t, "the handler's error", func() bool { s := state(t, b, "x"); return s == asynq.TaskStateRetry || s == asynq.TaskStateArchived })
			shut()
			info, err := look(t, b).GetTaskInfo(canary, "x")
			if err != nil || info.State != c.want || info.Retried != 0 {
				t.Errorf("%+v %v, want %v and nothing counted", info, err, c.want)
			}
		})
	}
	b, _ := connect(t)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Main})
	if info, err := look(t, b).GetTaskInfo(canary, parcel(1).Key().String()); err != nil || info.MaxRetry != math.MaxInt32 {
		t.Errorf("our tasks: %+v %v", info, err)
	}
}

func TestAsynqTaskIDIsTakenPerQueueWhileTheTaskExists(t *testing.T) {
	b, _ := connect(t)
	taken := func(what string) {
		t.Helper()
		if err := enqueue(t, b, "x"); !errors.Is(err, asynq.ErrTaskIDConflict) {
			t.Errorf("%s: %v, want a conflict", what, err)
		}
	}
	must(t, enqueue(t, b, "x"))
	taken("waiting")
	must(t, enqueue(t, b, "x", asynq.Queue("another")))
	must(t, look(t, b).ArchiveTask(canary, "x"))
	taken("archived")
	must(t, look(t, b).RunTask(canary, "x"))
	has, let := make(chan struct{}), make(chan struct{})
	_, _, shut := serve(t, b, func(context.Context, *asynq.Task) error { close(has); <-let; return nil })
	<-has
	taken("in hand")
	close(let)
	eventually(t, "the end of the task", func() bool { return state(t, b, "x") == 0 })
	shut()
	if err := enqueue(t, b, "x"); err != nil {
		t.Errorf("after success the id is not free: %v", err)
	}
}

func TestAsynqCutsTimesToWholeSeconds(t *testing.T) {
	b, _ := connect(t)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	must(t, enqueue(t, b, "x", asynq.ProcessAt(at.Add(999*time.Millisecond))))
	if score := b.Redis().ZScore(t.Context(), part("scheduled"), "x").Val(); score != float64(at.Unix()) {
		t.Errorf("scheduled for %v, want %v: a second early", score, at.Unix())
	}
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Main, At: at.Add(time.Millisecond)})
	if score := b.Redis().ZScore(t.Context(), part("scheduled"), parcel(1).Key().String()).Val(); score != float64(at.Unix()+1) {
		t.Errorf("our item is scheduled for %v, want %v: not early", score, at.Unix()+1)
	}
}

func TestAsynqKeysAndLease(t *testing.T) {
	b, mini := connect(t)
	keys := func(want ...string) {
		t.Helper()
		for _, name := range want {
			if !mini.Exists(part(name)) {
				t.Errorf("no key %s in %v", part(name), mini.Keys())
			}
		}
	}
	for _, id := range []string{"hand", "wait", "give"} {
		must(t, enqueue(t, b, id))
	}
	must(t, enqueue(t, b, "later", asynq.ProcessIn(time.Hour)))
	keys("pending", "scheduled", "t:hand", "t:wait", "t:give", "t:later")
	must(t, look(t, b).ArchiveTask(canary, "give"))
	keys("archived")
	has, let := make(chan struct{}), make(chan struct{})
	server, _, shut := serve(t, b, func(context.Context, *asynq.Task) error { close(has); <-let; return errors.New("again") })
	<-has
	server.Stop()
	keys("active", "lease")
	if ids := b.Redis().LRange(t.Context(), part("active"), 0, -1).Val(); !slices.Equal(ids, []string{"hand"}) {
		t.Errorf("in hand %v, want the oldest", ids)
	}
	lease := time.Until(time.Unix(int64(b.Redis().ZScore(t.Context(), part("lease"), "hand").Val()), 0))
	if lease < 15*time.Second || lease > 31*time.Second {
		t.Errorf("a lease of %v, want 30 s", lease)
	}
	close(let)
	eventually(t, "a retry", func() bool { return state(t, b, "hand") == asynq.TaskStateRetry })
	keys("retry")
	shut()
}

func TestAsynqRecovererWaitsThirtySecondsLonger(t *testing.T) {
	b, _ := connect(t)
	for id, ago := range map[string]time.Duration{"early": time.Second, "due": 40 * time.Second} {
		must(t, enqueue(t, b, id))
		abandon(t, b, id, ago)
	}
	_, _, shut := serve(t, b, func(context.Context, *asynq.Task) error { return nil })
	eventually(t, "recovery", func() bool { return state(t, b, "due") == asynq.TaskStateRetry })
	shut()
	if s := state(t, b, "early"); s != asynq.TaskStateActive {
		t.Errorf("a lease over for a moment: %v, want still active", s)
	}
}

// broken makes a waiting task's message one that cannot be decoded.
func broken(t *testing.T, b *tasks.Belt, mini *miniredis.Miniredis, id string) {
	t.Helper()
	must(t, enqueue(t, b, id))
	mini.HSet(part("t:"+id), "msg", "\xff\xff")
}

func TestAsynqABrokenMessageStopsTheRecovererNotTheQueue(t *testing.T) {
	b, mini := connect(t)
	broken(t, b, mini, "broken")
	must(t, enqueue(t, b, "good"))
	must(t, enqueue(t, b, "lost"))
	abandon(t, b, "lost", time.Hour)
	nothing := func(context.Context, *asynq.Task) error { return nil }

	must(t, b.Redis().HSet(t.Context(), part("t:lost"), "msg", "\xff").Err()) // for now the recoverer meets this one
	_, log, shut := serve(t, b, nothing)
	eventually(t, "the task behind the broken one", func() bool { return state(t, b, "good") == 0 })
	eventually(t, "the recoverer's complaint", func() bool { return log.has("could not list lease expired tasks") })
	shut()
	if ids := b.Redis().LRange(t.Context(), part("active"), 0, -1).Val(); !slices.Contains(ids, "broken") {
		t.Errorf("in hand %v: the broken task has not been taken from the line", ids)
	}

	// The broken one's lease is over too: it keeps whatever else is lost from coming back.
	must(t, b.Redis().Del(t.Context(), part("t:lost"), part("active"), part("lease")).Err())
	must(t, enqueue(t, b, "lost"))
	abandon(t, b, "lost", time.Hour)
	abandon(t, b, "broken", time.Hour)
	_, log, shut = serve(t, b, nothing)
	eventually(t, "the recoverer's complaint", func() bool { return log.has("could not list lease expired tasks") })
	shut()
	if s := state(t, b, "lost"); s != asynq.TaskStateActive {
		t.Errorf("the lost task is %v, want still active", s)
	}
	must(t, b.Redis().ZRem(t.Context(), part("lease"), "broken").Err())
	_, _, shut = serve(t, b, nothing)
	eventually(t, "recovery without the broken one", func() bool { return state(t, b, "lost") == asynq.TaskStateRetry })
	shut()
}

func TestAsynqStopThenShutdownPutsTheTaskInHandFirst(t *testing.T) {
	b, _ := connect(t)
	for _, id := range []string{"first", "second", "third"} {
		must(t, enqueue(t, b, id))
	}
	has := make(chan struct{})
	server, _, shut := serve(t, b, func(ctx context.Context, _ *asynq.Task) error { close(has); <-ctx.Done(); return ctx.Err() })
	<-has
	server.Stop()
	if s := state(t, b, "first"); s != asynq.TaskStateActive {
		t.Errorf("after Stop the task in hand is %v", s)
	}
	shut()
	if ids := b.Redis().LRange(t.Context(), part("pending"), 0, -1).Val(); !slices.Equal(ids, []string{"third", "second", "first"}) {
		t.Errorf("in line, the next one last: %v", ids)
	}
	if n := b.Redis().Exists(t.Context(), part("active"), part("lease")).Val(); n != 0 {
		t.Error("something is still in hand")
	}
}

func TestAsynqTimeoutOfZeroIsThirtyMinutes(t *testing.T) {
	b, _ := connect(t)
	must(t, enqueue(t, b, "x", asynq.Timeout(0)))
	if info, err := look(t, b).GetTaskInfo(canary, "x"); err != nil || info.Timeout != 30*time.Minute {
		t.Errorf("%v %v", info, err)
	}
}

func TestAsynqHangsOnAnErrorThatIsNotText(t *testing.T) {
	b, _ := connect(t)
	must(t, enqueue(t, b, "x"))
	_, log, shut := serve(t, b, func(context.Context, *asynq.Task) error { return errors.New("\xff") })
	eventually(t, "asynq's complaint", func() bool { return log.has("Could not move task") })
	shut()
	if s := state(t, b, "x"); s != asynq.TaskStateActive {
		t.Errorf("the task is %v, want still in hand until its lease is over", s)
	}
}
