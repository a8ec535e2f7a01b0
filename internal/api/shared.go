package api

import (
	"context"
	"sync"
	"time"
)

// readings are what is being read from the ledger for several requests at once. No request's context ends them: the
// others wait for the same. Each has a limit, since a database that has silently gone would keep one after the other for
// a minute, until there is no connection left.
type readings struct {
	ctx    context.Context
	cancel context.CancelFunc
	under  sync.WaitGroup
}

func newReadings() *readings {
	r := &readings{}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// stop ends what is being read, after the last request.
func (r *readings) stop() {
	r.cancel()
	r.under.Wait()
}

// shared is something in the ledger that many requests want to know. It is read once at a time, for all of them.
type shared[T any] struct {
	*readings
	read  func(ctx context.Context) (T, error)
	limit time.Duration

	mu   sync.Mutex
	last *reading[T] // under way, or the last that was; nil: none
}

// reading is one answer of the ledger. It is there once done is closed.
type reading[T any] struct {
	done         chan struct{}
	begun, ended time.Time
	value        T
	err          error
}

const (
	// readLimit is how long a request waits for what takes a healthy ledger milliseconds.
	readLimit = 5 * time.Second
	// failedFor is how long a failure answers for those that come after it.
	failedFor = time.Second
)

// get waits for a reading that is good enough, or was begun after the call. err is the context's; a reading that has
// failed says so itself.
func (s *shared[T]) get(ctx context.Context, good func(*reading[T]) bool) (*reading[T], error) {
	asked := time.Now()
	for {
		r := s.current(asked, good)
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r.err != nil || !r.begun.Before(asked) || good(r) {
			return r, nil
		}
	}
}

// sound is get for who has no use for a reading that has failed.
func (s *shared[T]) sound(ctx context.Context, good func(*reading[T]) bool) (*reading[T], error) {
	r, err := s.get(ctx, good)
	if err == nil {
		err = r.err
	}
	return r, err
}

// current is what is being read, or has been and is good enough; else a new reading.
func (s *shared[T]) current(asked time.Time, good func(*reading[T]) bool) *reading[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		select {
		case <-s.last.done:
		default:
			return s.last
		}
		if r := s.last; r.err != nil && time.Since(r.ended) < failedFor || r.err == nil && (!r.begun.Before(asked) || good(r)) {
			return r
		}
	}
	s.last = s.begin()
	return s.last
}

func (s *shared[T]) begin() *reading[T] {
	r := &reading[T]{done: make(chan struct{}), begun: time.Now()}
	s.under.Go(func() {
		defer close(r.done)
		ctx, cancel := context.WithTimeout(s.ctx, s.limit)
		defer cancel()
		r.value, r.err = s.read(ctx)
		r.ended = time.Now()
	})
	return r
}
