package tasks

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"fahuo/internal/shipment"
)

// Where is what the belt has of a shipment.
type Where int

// What a snapshot may say of a shipment. A higher value wins where there are several tasks.
const (
	Nowhere  Where = iota
	Orphaned       // only in the hands of a process that has stopped renewing its lease, given up by asynq, or put off by somebody else
	Present        // waiting in a queue, or in the hands of a living process
)

// Snapshot is where each shipment's tasks were when it was taken, one queue after the other: a task
// that moved meanwhile may be missing. A wrong "nowhere" costs one task too many.
//
// It holds a hash of each key, with a seed of its own, so that a day's work of a large account costs 10 MB for a
// moment and not 60. Two keys with one hash (one in a million million snapshots) would hide a lost task until
// the next one.
type Snapshot struct {
	seed  maphash.Seed
	where map[uint64]Where
}

func newSnapshot() Snapshot { return Snapshot{maphash.MakeSeed(), make(map[uint64]Where)} }

// At is where a shipment's tasks were.
func (s Snapshot) At(k shipment.Key) Where { return s.where[maphash.Comparable(s.seed, k)] }

// Len is how many shipments have a task.
func (s Snapshot) Len() int { return len(s.where) }

// page is how many task ids are read at once, so that a long queue does not hold Redis up.
const page = 5000

// Snapshot reads where the tasks of an account are. It reads asynq's keys: the Inspector would fetch
// every payload, which is a hundred times as much.
func (b *Belt) Snapshot(ctx context.Context, partner string) (Snapshot, error) {
	s := newSnapshot()
	// The retry queue last: a task moves from the others to it, so it is seen at least once.
	for _, line := range []Line{Urgent, Main, Retry} {
		if err := b.scanQueue(ctx, Queue(partner, line), s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Dead reads which dead letters are in their queue.
func (b *Belt) Dead(ctx context.Context) (Tasks, error) {
	s := make(Tasks)
	if err := b.scanQueue(ctx, QueueDead, s); err != nil {
		return nil, err
	}
	return s, nil
}

func key(queue, part string) string { return "asynq:{" + queue + "}:" + part }

func (s Snapshot) see(k shipment.Key, w Where) {
	hash := maphash.Comparable(s.seed, k)
	s.where[hash] = max(s.where[hash], w)
}

// Tasks are shipments and where their tasks are, by key.
type Tasks map[shipment.Key]Where

func (t Tasks) see(k shipment.Key, w Where) { t[k] = max(t[k], w) }

// At is where a shipment's tasks are.
func (t Tasks) At(k shipment.Key) Where { return t[k] }

// seer notes what is seen of a shipment.
type seer interface{ see(k shipment.Key, w Where) }

func seeAll(s seer, ids []string, w Where) {
	for _, id := range ids {
		if k, _, err := ParseID(id); err == nil {
			s.see(k, w)
		}
	}
}

func (b *Belt) scanQueue(ctx context.Context, queue string, s seer) error {
	if err := b.scanPending(ctx, queue, s); err != nil {
		return fmt.Errorf("read queue %s: %w", queue, err)
	}
	for part, where := range map[string]Where{
		"retry": Present, "scheduled": putOff(queue),
		// What asynq has given up still has its id, so it can only come back under another one.
		"archived": Orphaned,
	} {
		ids, err := b.redis.ZRange(ctx, key(queue, part), 0, -1).Result()
		if err != nil {
			return fmt.Errorf("read queue %s: %w", queue, err)
		}
		seeAll(s, ids, where)
	}
	if err := b.scanActive(ctx, queue, s); err != nil {
		return fmt.Errorf("read queue %s: %w", queue, err)
	}
	return nil
}

// putOff is where a task is that waits for its time. In a retry queue the ledger has named that time; elsewhere
// somebody else has, and the ledger, which has the shipment in line now, does not wait for it.
func putOff(queue string) Where {
	if strings.HasSuffix(queue, retrySuffix) || queue == QueueDead {
		return Present
	}
	return Orphaned
}

// scanPending pages from the tail, where tasks leave: what leaves meanwhile shifts the rest towards
// the tail, so a task may be missed, which is harmless, and none is seen twice in vain.
func (b *Belt) scanPending(ctx context.Context, queue string, s seer) error {
	for last := int64(-1); ; last -= page {
		ids, err := b.redis.LRange(ctx, key(queue, "pending"), last-page+1, last).Result()
		if err != nil {
			return err
		}
		seeAll(s, ids, Present)
		if len(ids) < page {
			return nil
		}
	}
}

// active reads the ids of the tasks in hand, and whose lease is good, in one transaction. asynq renews a lease of
// 30 s every 5 s and itself looks for lost ones after 60 to 125 s.
func (b *Belt) active(ctx context.Context, queue string) (ids []string, alive map[string]bool, err error) {
	var active *redis.StringSliceCmd
	var leases *redis.ZSliceCmd
	_, err = b.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		active = p.LRange(ctx, key(queue, "active"), 0, -1)
		leases = p.ZRangeWithScores(ctx, key(queue, "lease"), 0, -1)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, err
	}
	alive = make(map[string]bool)
	now := float64(time.Now().Unix())
	for _, z := range leases.Val() {
		if id, ok := z.Member.(string); ok && z.Score >= now {
			alive[id] = true
		}
	}
	return active.Val(), alive, nil
}

func (b *Belt) scanActive(ctx context.Context, queue string, s seer) error {
	ids, alive, err := b.active(ctx, queue)
	for _, id := range ids {
		where := Orphaned
		if alive[id] {
			where = Present
		}
		seeAll(s, []string{id}, where)
	}
	return err
}

// Orphan is a task on which nobody works any more: in the hands of a process that has stopped renewing its lease,
// without a lease at all, or given up by asynq.
type Orphan struct {
	Queue, ID string
	GivenUp   bool
}

// Is tells whether a task is the one that an item goes by: while it is there, the item cannot be put.
func (o Orphan) Is(i Item) bool { return o.ID == i.ID() && o.Queue == Queue(i.Partner, i.Line) }

// Orphans lists the orphans in an account's queues. Their shipments may have other tasks besides. A queue that
// cannot be read does not hide those in the others: they are returned with the error.
func (b *Belt) Orphans(ctx context.Context, partner string) (orphans []Orphan, err error) {
	for queue := range Queues(partner) {
		active, alive, activeErr := b.active(ctx, queue)
		for _, id := range active {
			if !alive[id] {
				orphans = append(orphans, Orphan{Queue: queue, ID: id})
			}
		}
		archived, archiveErr := b.redis.ZRange(ctx, key(queue, "archived"), 0, -1).Result()
		for _, id := range archived {
			orphans = append(orphans, Orphan{Queue: queue, ID: id, GivenUp: true})
		}
		if queueErr := errors.Join(activeErr, archiveErr); queueErr != nil {
			err = errors.Join(err, fmt.Errorf("read queue %s: %w", queue, queueErr))
		}
	}
	return orphans, err
}

// Payload is what an orphan carries; known is false when it is gone, or cannot be decoded.
func (b *Belt) Payload(ctx context.Context, o Orphan) (taskType string, payload []byte, known bool, err error) {
	info, err := b.info(ctx, o.Queue, o.ID)
	if errors.Is(err, errUndecodable) || info == nil {
		return "", nil, false, ignore(err, errUndecodable)
	}
	return info.Type, info.Payload, true, err
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// Bury takes an orphan away once its shipment is safe elsewhere. A process that only slept finds its task gone
// when it has done with it, which is harmless.
func (b *Belt) Bury(ctx context.Context, o Orphan) error {
	_, err := b.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.LRem(ctx, key(o.Queue, "active"), 0, o.ID)
		p.ZRem(ctx, key(o.Queue, "lease"), o.ID)
		p.ZRem(ctx, key(o.Queue, "archived"), o.ID)
		p.Del(ctx, key(o.Queue, "t:"+o.ID))
		return nil
	})
	if err != nil {
		return fmt.Errorf("bury task %s: %w", o.ID, err)
	}
	return nil
}

// Has tells whether an item's task is in line, as the ledger has put it there, or in living hands.
func (b *Belt) Has(ctx context.Context, i Item) (bool, error) {
	// Not by asynq's Inspector: it knows nothing of a queue whose name Redis has lost.
	queue := Queue(i.Partner, i.Line)
	state, err := b.redis.HGet(ctx, key(queue, "t:"+i.ID()), "state").Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for task %s: %w", i.ID(), err)
	}
	switch state {
	case "scheduled":
		return putOff(queue) == Present, nil
	case "pending", "retry":
		return true, nil
	case "active":
	default: // archived, completed, or nobody's
		return false, nil
	}
	expires, err := b.redis.ZScore(ctx, key(queue, "lease"), i.ID()).Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for task %s: %w", i.ID(), err)
	}
	return expires >= float64(time.Now().Unix()), nil
}

// IDTaken tells whether asynq still knows an item's id, wherever the task may be: putting the item again
// would change nothing.
func (b *Belt) IDTaken(ctx context.Context, i Item) (bool, error) {
	n, err := b.redis.Exists(ctx, key(Queue(i.Partner, i.Line), "t:"+i.ID())).Result()
	if err != nil {
		return false, fmt.Errorf("look for task %s: %w", i.ID(), err)
	}
	return n > 0, nil
}
