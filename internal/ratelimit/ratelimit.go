// Package ratelimit is waiting for an account's slot (U2: calls of an account an interval or more
// apart, over all processes and machines).
//
// The slot itself is the account's row in the ledger: its opening time, and the one transaction that
// takes it. This package says how long to wait before trying. It reads when the account opens,
// sleeps until then, and looks again; while another process has a call in flight the opening time is
// only that call's fence, so it looks again every so often. A process-local limiter on the
// monotonic clock stands behind the ledger: should the ledger's clock jump forward, this process at
// least still keeps the interval.
//
//	m0            write window V          call timeout TO
//	│◄───────────────────────►│◄──────────────────────────►│
//	begin … write                                           fence H = V + max(TO, I + 1 s) + 0.5 s
//	                 ▲ first byte of the answer: the anchor
//	                 └──────────── interval I ───────────►│ the account opens
package ratelimit

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The write window: how long after the start of the begin transaction the request may be written.
const (
	MinWindow = 1 * time.Second
	MaxWindow = 8 * time.Second
)

// NextWindow is the write window to use after one was missed because the ledger was slow.
func NextWindow(v time.Duration) time.Duration { return min(2*max(v, MinWindow), MaxWindow) }

// Fence is H, how long a call's row and slot belong to the one who began it: until then its request
// may still arrive (V), its answer be waited for (TO), and the interval after it not be over
// (I + 1 s); half a second is for reading clocks.
func Fence(window, callTimeout, interval time.Duration) time.Duration {
	return window + max(callTimeout, interval+time.Second) + 500*time.Millisecond
}

// Deliver is how long a written request may stay undelivered: one that arrives later would be less than an
// interval ahead of the call that may follow at the fence. (The request is written until V, the next call
// begins at H: V + Deliver + I = H.)
func Deliver(callTimeout, interval time.Duration) time.Duration {
	return Fence(0, callTimeout, interval) - interval
}

// Slot is when an account opens, as read from the ledger.
type Slot struct {
	Now      time.Time // the ledger's time of reading
	OpenAt   time.Time
	InFlight bool // somebody's call holds the slot; OpenAt is its fence and will most likely come down
	Held     bool // on hold: nobody knows when it opens
}

// How often a slot is looked at whose time nobody knows.
const (
	heldPoll   = 1 * time.Second
	flightPoll = 100 * time.Millisecond
	minPoll    = 2 * time.Millisecond
)

// Wait is how long to sleep before looking again; 0 when the slot is ready. A call in flight is
// looked at often, yet not more often than a twentieth of the interval.
func (s Slot) Wait(interval time.Duration) time.Duration {
	left := s.OpenAt.Sub(s.Now)
	switch {
	case s.Held:
		return heldPoll
	case left <= 0:
		return 0
	case s.InFlight:
		return min(left, max(minPoll, min(flightPoll, interval/20)))
	}
	return left
}

// Limiter is the process-local limiter of one account. Its zero value is not usable; see NewLimiter.
type Limiter struct {
	mu       sync.Mutex
	interval time.Duration
	anchor   time.Time
	limiter  *rate.Limiter // nil until the first call: nothing to keep a distance from
}

// NewLimiter makes a limiter for an account with the given interval.
func NewLimiter(interval time.Duration) *Limiter { return &Limiter{interval: interval} }

// SetInterval changes the distance to keep, from the last anchor on.
func (l *Limiter) SetInterval(interval time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.interval = interval
	if l.limiter != nil {
		l.limiter = rate.NewLimiter(rate.Every(interval), 1)
		l.limiter.AllowN(l.anchor, 1)
	}
}

// Anchor notes that a call was known to have reached the gateway at t (a monotonic time): the next
// may begin one interval later. An earlier time than the last one noted changes nothing.
func (l *Limiter) Anchor(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limiter != nil && !t.After(l.anchor) {
		return
	}
	// A new bucket, emptied at the anchor: its one token is back exactly one interval later, however
	// long the call itself took.
	l.anchor, l.limiter = t, rate.NewLimiter(rate.Every(l.interval), 1)
	l.limiter.AllowN(t, 1)
}

// Delay is how long after now the next call may begin, as far as this process knows.
func (l *Limiter) Delay(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limiter == nil {
		return 0
	}
	missing := 1 - l.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	// Tokens are floating point: rounded up, so that it is never a nanosecond early.
	return time.Duration(missing*float64(l.interval)).Truncate(time.Microsecond) + time.Microsecond
}

// Sleep waits d or until ctx is done.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
