package ratelimit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"fahuo/internal/ratelimit"
)

// However a slot reads: one that is ready is not waited for, one that is not is, and nobody sleeps past the
// moment that is known.
func TestWaitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 0)
		left := time.Duration(rapid.Int64Range(-int64(time.Minute), int64(time.Minute)).Draw(t, "left"))
		interval := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "interval"))
		s := ratelimit.Slot{
			Now: now, OpenAt: now.Add(left), InFlight: rapid.Bool().Draw(t, "in flight"), Held: rapid.Bool().Draw(t, "held"),
		}
		wait := s.Wait(interval)
		switch {
		case (wait == 0) != ready(s) || wait < 0:
			t.Fatalf("ready %v, and yet a wait of %v", ready(s), wait)
		case s.Held:
			if wait != time.Second {
				t.Fatalf("a hold is looked at after %v, want 1 s", wait)
			}
		case wait > max(left, 0):
			t.Fatalf("%v sleeps past the opening in %v", wait, left)
		case s.InFlight && wait > 100*time.Millisecond:
			t.Fatalf("a call in flight is looked at after %v only", wait)
		case !s.InFlight && wait != max(left, 0):
			t.Fatalf("%v, and it opens in %v", wait, left)
		}
	})
}

func TestPollOfACallInFlight(t *testing.T) {
	now := time.Unix(1000, 0)
	for interval, want := range map[time.Duration]time.Duration{
		time.Minute:             100 * time.Millisecond,
		2 * time.Second:         100 * time.Millisecond, // a twentieth of it
		1980 * time.Millisecond: 99 * time.Millisecond,
		60 * time.Millisecond:   3 * time.Millisecond,
		40 * time.Millisecond:   2 * time.Millisecond,
		20 * time.Millisecond:   2 * time.Millisecond,
	} {
		s := ratelimit.Slot{Now: now, OpenAt: now.Add(time.Hour), InFlight: true}
		if got := s.Wait(interval); got != want {
			t.Errorf("with an interval of %v: %v, want %v", interval, got, want)
		}
	}
}

func TestSleepOfNothingAndOfATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, d := range []time.Duration{-time.Hour, -1, 0} {
			if err := ratelimit.Sleep(t.Context(), d); err != nil || time.Since(start) != 0 {
				t.Fatalf("Sleep(%v) took %v: %v", d, time.Since(start), err)
			}
		}
		if err := ratelimit.Sleep(t.Context(), 1); err != nil || time.Since(start) != 1 {
			t.Fatalf("a nanosecond took %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 64 { // a timer of 0 beside the cancellation would win every other time
			for _, d := range []time.Duration{-1, 0, time.Hour} {
				if err := ratelimit.Sleep(ctx, d); !errors.Is(err, context.Canceled) {
					t.Fatalf("Sleep(%v) after the end: %v", d, err)
				}
			}
		}
	})
}

// ready tells whether a call may be begun as far as a reading goes.
func ready(s ratelimit.Slot) bool { return !s.Held && !s.OpenAt.After(s.Now) }
