package tasks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// freshBelt is a new connection to a Redis that is emptied before. The Redis is a process of its own, for what
// miniredis may see otherwise.
func freshBelt(t *testing.T, addr string) *tasks.Belt {
	t.Helper()
	must(t, proctest.RedisClient(t, addr).FlushAll(t.Context()).Err())
	b, err := tasks.Connect("redis://"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func look(t *testing.T, b *tasks.Belt) *asynq.Inspector {
	t.Helper()
	return asynq.NewInspectorFromRedisClient(b.Redis()) // shares the belt's connections: nothing to close
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func letter(n int) tasks.DeadLetter {
	return tasks.DeadLetter{Shipment: parcel(n), Reason: shipment.ReasonTradeNotExist, ErrorCode: "TRADE_NOT_EXIST", At: time.Now()}
}

// Every odd state in which a dead letter's task was or can be found; it is removed from all of them.
func TestRemoveDeadInOddStates(t *testing.T) {
	addr := proctest.Redis(t)
	const queue = "asynq:{dead-letter}:"
	id := parcel(1).Key().String()
	says := func(t *testing.T, b *tasks.Belt, name string) {
		must(t, b.Redis().HSet(t.Context(), queue+"t:"+id, "state", name).Err())
	}
	lose := func(t *testing.T, b *tasks.Belt, name string) { must(t, b.Redis().Del(t.Context(), queue+name).Err()) }
	for name, spoil := range map[string]func(t *testing.T, b *tasks.Belt){
		"in line":               func(*testing.T, *tasks.Belt) {},
		"list lost":             func(t *testing.T, b *tasks.Belt) { lose(t, b, "pending") },
		"task lost, id in line": func(t *testing.T, b *tasks.Belt) { lose(t, b, "t:"+id) },
		"archived":              func(t *testing.T, b *tasks.Belt) { must(t, look(t, b).ArchiveTask(tasks.QueueDead, id)) },
		"archive lost": func(t *testing.T, b *tasks.Belt) {
			lose(t, b, "pending")
			says(t, b, "archived")
		},
		"in no hands": func(t *testing.T, b *tasks.Belt) {
			lose(t, b, "pending")
			says(t, b, "active")
		},
		"in somebody's hands": func(t *testing.T, b *tasks.Belt) {
			must(t, b.Redis().LMove(t.Context(), queue+"pending", queue+"active", "RIGHT", "LEFT").Err())
			says(t, b, "active")
		},
		"in line, says otherwise": func(t *testing.T, b *tasks.Belt) { says(t, b, "active") },
	} {
		t.Run(name, func(t *testing.T) {
			b := freshBelt(t, addr)
			must(t, b.PutDead(t.Context(), letter(1)))
			spoil(t, b)
			must(t, b.RemoveDead(t.Context(), parcel(1).Key()))
			if left, err := b.Dead(t.Context()); err != nil || len(left) != 0 || b.Redis().Exists(t.Context(), queue+"t:"+id).Val() != 0 {
				t.Errorf("%v is left (%v)", left, err)
			}
			must(t, b.PutDead(t.Context(), letter(1)))
			there, err := b.Dead(t.Context())
			if err != nil || there[parcel(1).Key()] == tasks.Nowhere {
				t.Errorf("%v %v: the dead letter is gone", there, err)
			}
		})
	}
}

// What a task of an account looks like from outside, wherever it is.
func TestHasAndIDTakenInEveryState(t *testing.T) {
	addr := proctest.Redis(t)
	item := tasks.Item{Shipment: parcel(1), Line: tasks.Main}
	queue := tasks.Queue(partner, tasks.Main)
	inHand := func(t *testing.T, b *tasks.Belt) {
		put(t, b, item)
		must(t, b.Redis().LMove(t.Context(), part("pending"), part("active"), "RIGHT", "LEFT").Err())
		must(t, b.Redis().HSet(t.Context(), part("t:"+item.ID()), "state", "active").Err())
	}
	for name, c := range map[string]struct {
		prepare    func(t *testing.T, b *tasks.Belt)
		has, taken bool
		where      tasks.Where
	}{
		"no queue": {func(*testing.T, *tasks.Belt) {}, false, false, tasks.Nowhere},
		"another task": {func(t *testing.T, b *tasks.Belt) {
			put(t, b, tasks.Item{Shipment: parcel(2), Line: tasks.Main})
		}, false, false, tasks.Nowhere},
		"in line": {func(t *testing.T, b *tasks.Belt) { put(t, b, item) }, true, true, tasks.Present},
		"put off by somebody else": {func(t *testing.T, b *tasks.Belt) {
			put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Main, At: time.Now().Add(time.Hour)})
		}, false, true, tasks.Orphaned},
		"put off in the retry queue": {func(t *testing.T, b *tasks.Belt) {
			put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Retry, N: 2, At: time.Now().Add(time.Hour)})
		}, false, false, tasks.Present},
		"list lost": {func(t *testing.T, b *tasks.Belt) {
			put(t, b, item)
			must(t, b.Redis().Del(t.Context(), part("pending")).Err())
		}, true, true, tasks.Nowhere},
		"archived": {func(t *testing.T, b *tasks.Belt) {
			put(t, b, item)
			must(t, look(t, b).ArchiveTask(queue, item.ID()))
		}, false, true, tasks.Orphaned},
		"in hand": {func(t *testing.T, b *tasks.Belt) {
			inHand(t, b)
			zadd(t, b, part("lease"), item.ID(), time.Now().Add(time.Minute))
		}, true, true, tasks.Present},
		"in dead hands": {func(t *testing.T, b *tasks.Belt) {
			inHand(t, b)
			zadd(t, b, part("lease"), item.ID(), time.Now().Add(-time.Second))
		}, false, true, tasks.Orphaned},
		"lease lost": {func(t *testing.T, b *tasks.Belt) { inHand(t, b) }, false, true, tasks.Orphaned},
	} {
		t.Run(name, func(t *testing.T) {
			b := freshBelt(t, addr)
			c.prepare(t, b)
			if has, err := b.Has(t.Context(), item); err != nil || has != c.has {
				t.Errorf("has %v (%v), want %v", has, err, c.has)
			}
			if taken, err := b.IDTaken(t.Context(), item); err != nil || taken != c.taken {
				t.Errorf("taken %v (%v), want %v", taken, err, c.taken)
			}
			if s, err := b.Snapshot(t.Context(), partner); err != nil || s.At(item.Key()) != c.where {
				t.Errorf("snapshot %v (%v), want %v", s.At(item.Key()), err, c.where)
			}
		})
	}
}

func TestArchivedCountsEveryQueue(t *testing.T) {
	b, _ := connect(t)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Urgent}, tasks.Item{Shipment: parcel(2), Line: tasks.Main},
		tasks.Item{Shipment: parcel(3), Line: tasks.Retry, N: 1}, tasks.Item{Shipment: parcel(4), Line: tasks.Main})
	must(t, b.PutDead(t.Context(), letter(5)))
	for queue, id := range map[string]string{
		tasks.Queue(partner, tasks.Urgent): parcel(1).Key().String(), tasks.Queue(partner, tasks.Main): parcel(2).Key().String(),
		tasks.Queue(partner, tasks.Retry): parcel(3).Key().String() + "#1", tasks.QueueDead: parcel(5).Key().String(),
	} {
		must(t, look(t, b).ArchiveTask(queue, id))
	}
	if n, err := b.Archived(t.Context(), []string{partner, "2088000000000002"}); err != nil || n != 4 {
		t.Errorf("%d (%v), want 4", n, err)
	}
	if n, err := b.Archived(t.Context(), nil); err != nil || n != 1 {
		t.Errorf("of dead letters %d (%v), want 1", n, err)
	}
}

// every calls all that goes out to Redis.
func every(ctx context.Context, b *tasks.Belt) map[string]error {
	item := tasks.Item{Shipment: parcel(1), Line: tasks.Main}
	_, snapshot := b.Snapshot(ctx, partner)
	_, dead := b.Dead(ctx)
	_, orphans := b.Orphans(ctx, partner)
	_, has := b.Has(ctx, item)
	_, taken := b.IDTaken(ctx, item)
	_, archived := b.Archived(ctx, []string{partner})
	_, claim := b.Claim(ctx, "one", "sqlite:/a.db")
	_, mark := b.Mark(ctx, "one", "sqlite:/a.db")
	return map[string]error{
		"Ping": b.Ping(ctx), "Put": b.Put(ctx, item), "PutDead": b.PutDead(ctx, letter(1)), "RemoveDead": b.RemoveDead(ctx, parcel(1).Key()),
		"Snapshot": snapshot, "Dead": dead, "Orphans": orphans, "Has": has, "IDTaken": taken, "Archived": archived,
		"Claim": claim, "Mark": mark,
	}
}

// An error that is taken for "nothing there" would put every shipment on the belt a second time, or none.
func TestARedisThatIsAwayIsAnErrorEverywhere(t *testing.T) {
	b, mini := connect(t)
	for name, err := range every(t.Context(), b) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	mini.SetError("LOADING Redis is loading the dataset in memory")
	for name, err := range every(t.Context(), b) {
		if err == nil || !strings.Contains(err.Error(), "LOADING") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each key read as a part of a queue: one that is something else is an error that names the queue.
func TestAForeignKeyInAQueueIsAnError(t *testing.T) {
	for _, name := range []string{"pending", "scheduled", "retry", "archived", "active", "lease"} {
		for _, queue := range []string{tasks.Queue(partner, tasks.Retry), tasks.QueueDead} {
			b, mini := connect(t)
			must(t, mini.Set("asynq:{"+queue+"}:"+name, "a string"))
			_, err := b.Snapshot(t.Context(), partner)
			if queue == tasks.QueueDead {
				_, err = b.Dead(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), queue) {
				t.Errorf("%s of %s: %v", name, queue, err)
			}
			// An orphan in another queue is seen all the same.
			must(t, b.Redis().LPush(t.Context(), part("active"), "theirs").Err())
			orphans, err := b.Orphans(t.Context(), partner)
			if len(orphans) != 1 {
				t.Errorf("orphans with %s of %s: %v", name, queue, orphans)
			}
			if want := queue != tasks.QueueDead && (name == "active" || name == "lease" || name == "archived"); (err != nil) != want {
				t.Errorf("orphans with %s of %s: %v", name, queue, err)
			}
		}
	}
}

func TestMarkLosesToAFasterLedger(t *testing.T) {
	b, mini := connect(t)
	mini.HSet("fahuo:ledger", "identity", "two", "url", "sqlite:/b.db")
	if _, err := b.Mark(t.Context(), "one", "sqlite:/a.db"); !errors.Is(err, tasks.ErrForeign) {
		t.Errorf("%v", err)
	}
	if got := mini.HGet("fahuo:ledger", "identity"); got != "two" {
		t.Errorf("the marker now names %q", got)
	}
}

func TestCollectorCountsTheQueues(t *testing.T) {
	b, _ := connect(t)
	put(t, b, tasks.Item{Shipment: parcel(1), Line: tasks.Main}, tasks.Item{Shipment: parcel(2), Line: tasks.Main})
	registry := prometheus.NewPedanticRegistry()
	must(t, registry.Register(b.Collector()))
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "asynq_queue_size" && m.GetGauge().GetValue() == 2 {
				return
			}
		}
	}
	t.Errorf("no queue of two tasks in %v", families)
}
