package worker

import (
	"context"
	"time"

	"fahuo/internal/ratelimit"
)

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

// sparing leaves out so many rounds of f that it costs no more than a twentieth of the time, unless that would leave
// more than so long between two.
func sparing(most time.Duration, f func(context.Context) error) func(context.Context) error {
	var next time.Time
	return func(ctx context.Context) error {
		start := time.Now()
		if start.Before(next) {
			return nil
		}
		err := f(ctx)
		if err == nil { // else the next round tries again, and a round that is left out would pass for one that went well
			next = time.Now().Add(min(most, 20*time.Since(start)))
		}
		return err
	}
}

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
