package ratelimit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fahuo/internal/ratelimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFenceCoversWriteAnswerAndInterval(t *testing.T) {
	for _, c := range []struct{ window, timeout, interval, want time.Duration }{
		{time.Second, 15 * time.Second, 10 * time.Second, 16500 * time.Millisecond},
		{time.Second, 5 * time.Second, 10 * time.Second, 12500 * time.Millisecond},
		{8 * time.Second, 15 * time.Second, time.Second, 23500 * time.Millisecond},
		{time.Second, 300 * time.Millisecond, 100 * time.Millisecond, 2600 * time.Millisecond},
	} {
		if got := ratelimit.Fence(c.window, c.timeout, c.interval); got != c.want {
			t.Errorf("Fence(%v, %v, %v) = %v, want %v", c.window, c.timeout, c.interval, got, c.want)
		}
	}
}

func TestFenceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(int64(ratelimit.MinWindow), int64(ratelimit.MaxWindow)).Draw(t, "window"))
		timeout := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "timeout"))
		interval := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "interval"))
		fence := ratelimit.Fence(window, timeout, interval)
		if fence <= window+timeout {
			t.Fatalf("fence %v lets an answer be waited for beyond it", fence)
		}
		if fence < window+timeout+500*time.Millisecond || fence < window+interval+1500*time.Millisecond {
			t.Fatalf("fence %v leaves no time for reading clocks", fence)
		}
		// Delivered as late as is allowed, a request is exactly an interval ahead of the call at the fence.
		if deliver := ratelimit.Deliver(timeout, interval); window+deliver+interval != fence || deliver <= 0 {
			t.Fatalf("window %v + deliver %v + interval %v is not the fence %v", window, deliver, interval, fence)
		}
		if fence <= window+interval {
			t.Fatalf("fence %v lets the next call come less than %v after a write at the window's end", fence, interval)
		}
	})
}

func TestDeliverLeavesAnInterval(t *testing.T) {
	for _, c := range []struct{ timeout, interval, want time.Duration }{
		{15 * time.Second, 10 * time.Second, 5500 * time.Millisecond}, {5 * time.Second, 10 * time.Second, 1500 * time.Millisecond},
	} {
		got := ratelimit.Deliver(c.timeout, c.interval)
		if got != c.want || ratelimit.MinWindow+got+c.interval != ratelimit.Fence(ratelimit.MinWindow, c.timeout, c.interval) {
			t.Errorf("Deliver(%v, %v) = %v", c.timeout, c.interval, got)
		}
	}
}

func TestNextWindowDoublesUpToItsLimit(t *testing.T) {
	want := []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second}
	v := ratelimit.MinWindow
	for _, w := range want {
		if v = ratelimit.NextWindow(v); v != w {
			t.Fatalf("window %v, want %v", v, w)
		}
	}
	if got := ratelimit.NextWindow(0); got != 2*ratelimit.MinWindow {
		t.Fatalf("from 0: %v", got)
	}
}

func TestNextWindowIsMonotoneAndBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.Int64Range(int64(-time.Second), int64(2*ratelimit.MaxWindow))
		a, b := time.Duration(window.Draw(t, "a")), time.Duration(window.Draw(t, "b"))
		next := ratelimit.NextWindow(a)
		if next < 2*ratelimit.MinWindow || next > ratelimit.MaxWindow || next < min(a, ratelimit.MaxWindow) {
			t.Fatalf("after %v comes %v", a, next)
		}
		if a <= b && next > ratelimit.NextWindow(b) {
			t.Fatalf("after %v comes %v, after the longer %v the shorter %v", a, next, b, ratelimit.NextWindow(b))
		}
	})
}

// Whoever sleeps what Wait says is never late by more than the polling, and never told to go while the slot
// is closed.
func TestSlotWaitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 0)
		left := time.Duration(rapid.Int64Range(int64(-time.Minute), int64(time.Minute)).Draw(t, "left"))
		interval := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "interval"))
		slot := ratelimit.Slot{Now: now, OpenAt: now.Add(left), InFlight: rapid.Bool().Draw(t, "in flight"), Held: rapid.Bool().Draw(t, "held")}
		wait := slot.Wait(interval)
		switch {
		case (wait == 0) != ready(slot) || wait < 0:
			t.Fatalf("wait %v, ready %v", wait, ready(slot))
		case !slot.Held && wait > max(0, left):
			t.Fatalf("wait %v for what opens in %v", wait, left)
		case !slot.Held && !slot.InFlight && wait != max(0, left):
			t.Fatalf("wait %v, looked at in vain before %v", wait, left)
		}
	})
}

func TestSlotWait(t *testing.T) {
	now := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		slot  ratelimit.Slot
		ready bool
		want  time.Duration
	}{
		"open since ever":      {ratelimit.Slot{Now: now}, true, 0},
		"opens now":            {ratelimit.Slot{Now: now, OpenAt: now}, true, 0},
		"opens in 3 s":         {ratelimit.Slot{Now: now, OpenAt: now.Add(3 * time.Second)}, false, 3 * time.Second},
		"in flight, far fence": {ratelimit.Slot{Now: now, OpenAt: now.Add(16 * time.Second), InFlight: true}, false, 100 * time.Millisecond},
		"in flight, at fence":  {ratelimit.Slot{Now: now, OpenAt: now.Add(time.Millisecond), InFlight: true}, false, time.Millisecond},
		"held and open":        {ratelimit.Slot{Now: now, Held: true}, false, time.Second},
	} {
		if got := c.slot.Wait(10 * time.Second); got != c.want || ready(c.slot) != c.ready {
			t.Errorf("%s: wait %v, ready %v; want %v, %v", name, got, ready(c.slot), c.want, c.ready)
		}
	}
	flight := ratelimit.Slot{Now: now, OpenAt: now.Add(time.Minute), InFlight: true}
	if got := flight.Wait(100 * time.Millisecond); got != 5*time.Millisecond {
		t.Errorf("a short interval is looked at every %v, want a twentieth of it", got)
	}
	if got := flight.Wait(time.Millisecond); got != 2*time.Millisecond {
		t.Errorf("a tiny interval is looked at every %v, want the least of 2 ms", got)
	}
}

func TestLimiterKeepsTheIntervalFromTheAnchor(t *testing.T) {
	l := ratelimit.NewLimiter(10 * time.Second)
	start := time.Now()
	if d := l.Delay(start); d != 0 {
		t.Fatalf("before any call: %v", d)
	}
	l.Anchor(start)
	for _, after := range []time.Duration{0, time.Second, 9999 * time.Millisecond} {
		if d, want := l.Delay(start.Add(after)), 10*time.Second-after; d < want || d > want+time.Microsecond {
			t.Errorf("%v after the anchor: %v, want %v", after, d, want)
		}
	}
	if d := l.Delay(start.Add(10 * time.Second)); d != 0 {
		t.Errorf("one interval after the anchor: %v", d)
	}
	before := l.Delay(start)
	l.Anchor(start.Add(-time.Second))
	if d := l.Delay(start); d != before {
		t.Errorf("an earlier anchor changed the delay from %v to %v", before, d)
	}
}

func TestLimiterProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "interval"))
		l := ratelimit.NewLimiter(interval)
		now := time.Unix(1700000000, 0)
		var last time.Time
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			now = now.Add(l.Delay(now))
			if !last.IsZero() && now.Sub(last) < interval {
				t.Fatalf("calls %v apart, want %v", now.Sub(last), interval)
			}
			last = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "answer takes")))
			l.Anchor(last)
			now = last.Add(time.Duration(rapid.Int64Range(0, int64(2*interval)).Draw(t, "idle")))
		}
	})
}

// Anchors come in any order, as answers do: the latest counts, to the nanosecond, and costs no more than an
// interval and the microsecond by which is rounded up.
func TestLimiterKeepsTheLatestAnchor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "interval"))
		l := ratelimit.NewLimiter(interval)
		start := time.Unix(1700000000, 0)
		offset := rapid.Int64Range(0, int64(2*interval))
		var latest time.Time
		for range rapid.IntRange(1, 10).Draw(t, "anchors") {
			at := start.Add(time.Duration(offset.Draw(t, "anchor")))
			l.Anchor(at)
			if at.After(latest) {
				latest = at
			}
			now := latest.Add(time.Duration(offset.Draw(t, "later")))
			delay := l.Delay(now)
			if call := now.Add(delay); call.Sub(latest) < interval {
				t.Fatalf("a call %v after the anchor, the interval is %v", call.Sub(latest), interval)
			}
			if most := max(0, interval-now.Sub(latest)) + time.Microsecond; delay > most {
				t.Fatalf("a delay of %v where %v would do", delay, most)
			}
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := ratelimit.Sleep(t.Context(), 3*time.Second); err != nil || time.Since(start) != 3*time.Second {
			t.Fatalf("slept %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if err := ratelimit.Sleep(ctx, time.Hour); err == nil || time.Since(start) != time.Second {
			t.Fatalf("a cancelled sleep took %v: %v", time.Since(start), err)
		}
		if err := ratelimit.Sleep(ctx, 0); err == nil {
			t.Fatal("no sleep at all must still see the cancellation")
		}
	})
}
