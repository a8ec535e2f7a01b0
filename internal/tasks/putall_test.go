package tasks_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// page is n items of one account; every third is urgent.
func page(n int) (items []tasks.Item) {
	for i := range n {
		item := tasks.Item{Shipment: shipment.Shipment{Partner: "2088000000000001", TradeNo: strconv.Itoa(1_000_000 + i)}, Line: tasks.Main}
		if i%3 == 0 {
			item.Line = tasks.Urgent
		}
		items = append(items, item)
	}
	return items
}

// A page stands in line as if each item had been put by itself: in order, once, in its own queue, readable for asynq.
func TestPutAll(t *testing.T) {
	t.Parallel()
	b := freshBelt(t, proctest.Redis(t))
	items := page(100)
	must(t, b.Put(t.Context(), items[5]))
	late := tasks.Item{Shipment: shipment.Shipment{Partner: "2088000000000001", TradeNo: "7"}, Line: tasks.Retry, N: 2, At: time.Now().Add(time.Hour)}
	for range 2 { // repeating it does no harm
		for i, err := range b.PutAll(t.Context(), append(slices.Clone(items), late)) {
			if err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
	}
	for _, l := range []tasks.Line{tasks.Main, tasks.Urgent} {
		var want []string
		for i, item := range items {
			if item.Line == l && i != 5 {
				want = append(want, item.ID())
			}
		}
		if l == items[5].Line {
			want = append([]string{items[5].ID()}, want...)
		}
		got, err := b.Redis().LRange(t.Context(), "asynq:{"+tasks.Queue("2088000000000001", l)+"}:pending", 0, -1).Result()
		slices.Reverse(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("line %d: got %v, %v", l, got, err)
		}
	}
	inspector := asynq.NewInspectorFromRedisClient(b.Redis())
	for id, queue := range map[string]tasks.Line{items[99].ID(): tasks.Urgent, items[98].ID(): tasks.Main, late.ID(): tasks.Retry} {
		if info, err := inspector.GetTaskInfo(tasks.Queue("2088000000000001", queue), id); err != nil || info.Type != tasks.TypeConfirm {
			t.Errorf("%s: %+v, %v", id, info, err)
		}
	}
	if errs := b.PutAll(t.Context(), nil); len(errs) != 0 {
		t.Errorf("got %v", errs)
	}
}

// forgetful is a Redis that forgets its scripts before every pipeline.
type forgetful struct{ redis.UniversalClient }

func (f forgetful) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f forgetful) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f forgetful) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return errors.Join(f.ScriptFlush(ctx).Err(), next(ctx, cmds))
	}
}

// A Redis that has forgotten asynq's script costs the pipeline, and neither a task nor the order.
func TestPutAllAfterScriptsAreForgotten(t *testing.T) {
	t.Parallel()
	b := freshBelt(t, proctest.Redis(t))
	b.Redis().AddHook(forgetful{b.Redis()})
	items := page(6)
	for i, err := range b.PutAll(t.Context(), items) {
		if err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	got, err := b.Redis().LRange(t.Context(), "asynq:{"+tasks.Queue(items[1].Partner, tasks.Main)+"}:pending", 0, -1).Result()
	slices.Reverse(got)
	if want := []string{items[1].ID(), items[2].ID(), items[4].ID(), items[5].ID()}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// A Redis that is away is an error for every item, and is not asked for each.
func TestPutAllWithoutRedis(t *testing.T) {
	t.Parallel()
	b, err := tasks.Connect("redis://"+proctest.Deserted(t), "")
	must(t, err)
	asked := counter{new(atomic.Int32)}
	b.Redis().AddHook(asked)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the client tries for longer by itself
	defer cancel()
	for i, err := range b.PutAll(ctx, page(500)) {
		if err == nil {
			t.Errorf("item %d is in line", i)
		}
	}
	if n := asked.n.Load(); n > 10 {
		t.Errorf("it was asked %d times", n)
	}
	must(t, b.Close())
}

// counter counts what is sent.
type counter struct{ n *atomic.Int32 }

func (c counter) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n.Add(1); return next(ctx, cmd) }
}

func (c counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n.Add(1); return next(ctx, cmds) }
}
