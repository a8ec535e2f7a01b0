package ratelimit_test

import (
	"sync"
	"testing"
	"time"

	"fahuo/internal/ratelimit"
)

// A lane's handler and one that asynq believes lost may use the limiter at once; the race detector looks on.
func TestLimiterIsSafeForConcurrentUse(t *testing.T) {
	const interval = 10 * time.Second
	l := ratelimit.NewLimiter(interval)
	start := time.Unix(1000, 0)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for k := range 50 {
				l.Anchor(start.Add(time.Duration(8*k+n) * time.Millisecond))
				l.Delay(start)
			}
		})
	}
	all.Wait()
	last := start.Add(399 * time.Millisecond)
	if d := l.Delay(last); d < interval || d > interval+time.Microsecond {
		t.Errorf("after the last of all anchors %v, want %v", d, interval)
	}
}

// The same moment noted twice, and one that is noted late, cost nothing; a later one counts in full.
func TestLimiterAnchorsInAnyOrder(t *testing.T) {
	const interval = 10 * time.Second
	start := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		anchors []time.Duration
		want    time.Duration // from start
	}{
		"one":               {[]time.Duration{0}, interval},
		"twice":             {[]time.Duration{0, 0}, interval},
		"late news":         {[]time.Duration{0, -time.Nanosecond, -time.Hour}, interval},
		"a nanosecond on":   {[]time.Duration{0, 1}, interval + 1},
		"within the first":  {[]time.Duration{0, 4 * time.Second}, 14 * time.Second},
		"long afterwards":   {[]time.Duration{0, time.Hour}, time.Hour + interval},
		"back and on again": {[]time.Duration{0, -time.Second, time.Second}, 11 * time.Second},
	} {
		l := ratelimit.NewLimiter(interval)
		for _, a := range c.anchors {
			l.Anchor(start.Add(a))
		}
		if d := l.Delay(start.Add(c.want - time.Second)); d < time.Second || d > time.Second+time.Microsecond {
			t.Errorf("%s: a second before its end %v", name, d)
		}
		if d := l.Delay(start.Add(c.want)); d != 0 {
			t.Errorf("%s: at its end %v", name, d)
		}
	}
}

// A new interval counts from the last anchor on, for calls that wait already, too.
func TestLimiterWithANewInterval(t *testing.T) {
	start := time.Unix(1000, 0)
	l := ratelimit.NewLimiter(10 * time.Second)
	l.SetInterval(20 * time.Second) // before the first call: nothing to keep a distance from
	if d := l.Delay(start); d != 0 {
		t.Errorf("%v before the first call", d)
	}
	l.Anchor(start)
	for _, interval := range []time.Duration{20 * time.Second, 5 * time.Second, 30 * time.Second} {
		l.SetInterval(interval)
		if d := l.Delay(start.Add(time.Second)); d < interval-time.Second || d > interval-time.Second+time.Microsecond {
			t.Errorf("interval %v: %v a second after the anchor", interval, d)
		}
	}
}
