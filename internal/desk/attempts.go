package desk

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// attempts limits guessing of passwords: only failures count. One address may fail a few times for one user and
// somewhat more often for all; one user may be failed for from everywhere more often still, so that nobody is locked
// out by a stranger at once.
type attempts struct {
	comparing chan struct{} // comparing is slow on purpose; few at once, so that a flood does not take every core

	mu   sync.Mutex
	byID map[string]*rate.Limiter
}

// How many failures in a row, and one more how often.
var (
	perUserAndAddress = limit{5, 30 * time.Second}
	perAddress        = limit{20, 10 * time.Second}
	perUser           = limit{50, 20 * time.Second}
)

type limit struct {
	burst int
	every time.Duration
}

// maxAttempts bounds what is remembered. When it is full, everything is forgotten: an attacker who comes from so
// many addresses is not held up by any of these limits but perUser, which bcrypt stands behind.
const maxAttempts = 100_000

func newAttempts() *attempts {
	return &attempts{comparing: make(chan struct{}, 2), byID: make(map[string]*rate.Limiter)}
}

// try makes an attempt if another one may be made. It is looked at again once it is this one's turn: of many that
// come at once, those that failed meanwhile count.
func (a *attempts) try(ctx context.Context, user, address string, compare func() bool) (right, allowed bool) {
	if !a.allowed(user, address) {
		return false, false
	}
	select {
	case a.comparing <- struct{}{}:
		defer func() { <-a.comparing }()
	case <-ctx.Done():
		return false, false
	}
	switch {
	case !a.allowed(user, address):
		return false, false
	case compare():
		a.succeeded(user, address)
		return true, true
	}
	a.failed(user, address)
	return false, true
}

// limiters of a user at an address.
func (a *attempts) limiters(user, address string) [3]*rate.Limiter {
	if len(a.byID) > maxAttempts {
		clear(a.byID)
	}
	get := func(id string, l limit) *rate.Limiter {
		if a.byID[id] == nil {
			a.byID[id] = rate.NewLimiter(rate.Every(l.every), l.burst)
		}
		return a.byID[id]
	}
	if len(user) > 100 {
		user = user[:100]
	}
	return [3]*rate.Limiter{get("both "+address+" "+user, perUserAndAddress), get("address "+address, perAddress), get("user "+user, perUser)}
}

// allowed tells whether another attempt may be made.
func (a *attempts) allowed(user, address string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.limiters(user, address) {
		if l.Tokens() < 1 {
			return false
		}
	}
	return true
}

// failed counts a failed attempt.
func (a *attempts) failed(user, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.limiters(user, address) {
		l.Allow()
	}
}

// succeeded forgives the user at this address what was mistyped before.
func (a *attempts) succeeded(user, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, "both "+address+" "+user)
}
