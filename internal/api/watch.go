package api

import (
	"context"
	"strings"
	"sync"
	"time"
)

// lookEvery is how often a batch is read that somebody waits for, however many do. A change is rarely more frequent than an
// account's interval.
const lookEvery = 500 * time.Millisecond

// batchLimit is how long reading a batch, which may be large, may take.
const batchLimit = 25 * time.Second

// watches are the batches that requests wait for.
type watches struct {
	look func(ctx context.Context, batch string, accounts []string) (*batchLook, error)
	tell func(ctx context.Context, batch string, accounts []string) (*Batch, error)
	*readings

	mu sync.Mutex
	of map[string]*watch
}

// watch is one of them, as far as it belongs to some accounts.
type watch struct {
	waiters int
	look    shared[*batchLook]
	tell    shared[*Batch]
}

// enter lets a request wait for a batch, with all others that do, until it leaves.
func (w *watches) enter(batch string, accounts []string) (_ *watch, leave func()) {
	key := strings.Join(accounts, ",") + " " + batch
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.of[key]
	if one == nil {
		one = &watch{}
		one.look = shared[*batchLook]{readings: w.readings, limit: batchLimit, read: func(ctx context.Context) (*batchLook, error) { return w.look(ctx, batch, accounts) }}
		one.tell = shared[*Batch]{readings: w.readings, limit: batchLimit, read: func(ctx context.Context) (*Batch, error) { return w.tell(ctx, batch, accounts) }}
		w.of[key] = one
	}
	one.waiters++
	return one, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if one.waiters--; one.waiters == 0 {
			delete(w.of, key)
		}
	}
}

// await looks at a batch until it is done or of another version than is known, or the time is over; then it tells all of
// it. With no version known that is the one it has now.
func (w *watch) await(ctx, stopping context.Context, known string, wait time.Duration) (*Batch, error) {
	end, ticker := time.NewTimer(wait), time.NewTicker(lookEvery)
	defer end.Stop()
	defer ticker.Stop()
	fresh := known == "" // what others have seen before would do for anybody else: a change is seen with the next look
	for over := false; ; {
		seen, err := w.look.sound(ctx, func(r *reading[*batchLook]) bool { return !fresh && time.Since(r.begun) < lookEvery })
		if err != nil {
			return nil, err
		}
		if fresh {
			known, fresh = seen.value.Version, false
		}
		if over || seen.value.Done || seen.value.Version != known {
			told, err := w.tell.sound(ctx, func(r *reading[*Batch]) bool { return !r.begun.Before(seen.begun) })
			if err != nil {
				return nil, err
			}
			if b := told.value; over || b.Done || b.Version != known { // the look may be older than what is known
				return b, nil
			}
		}
		select {
		case <-ticker.C:
		case <-end.C:
			over = true
		case <-stopping.Done(): // the client asks the next server
			over = true
		case <-ctx.Done(): // nobody listens any more
			return nil, ctx.Err()
		}
	}
}
