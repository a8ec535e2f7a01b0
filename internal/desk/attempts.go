package desk

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// attempts limits guessing of passwords: only failures count. One address may fail a few times for one user and
// somewhat more often for all; one user may be failed for from everywhere more often still. That last limit does not
// hold where the user has logged in before, so a stranger who keeps failing for somebody locks nobody out of his own
// place. An address is what one subscriber has: of IPv6 the first 64 bits.
type attempts struct {
	// Comparing is slow on purpose; few at once, so that a flood does not take every core, and few that wait, so that
	// nobody stands behind thousands. Where somebody has logged in before he stands in a line of his own.
	comparing, atHome chan struct{}

	now func() time.Time

	mu      sync.Mutex
	waiting int // for comparing
	byID    map[string]*rate.Limiter
	homes   map[string]bool // user and address, of those who have logged in
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

const (
	maxAttempts = 100_000 // remembered at most
	maxHomes    = 10_000  // likewise
	maxWaiting  = 16      // who waits for a comparison, besides those at home
)

func newAttempts() *attempts {
	return &attempts{
		comparing: make(chan struct{}, 2), atHome: make(chan struct{}, 1), now: time.Now,
		byID: make(map[string]*rate.Limiter), homes: make(map[string]bool),
	}
}

// try makes an attempt if another one may be made. It is looked at again once it is this one's turn: of many that
// come at once, those that failed meanwhile count.
func (a *attempts) try(ctx context.Context, user, address string, compare func() bool) (right, allowed bool) {
	w := newWho(user, address)
	line, ok := a.enter(w)
	if !ok {
		return false, false
	}
	select {
	case line <- struct{}{}:
		defer func() { <-line }()
	case <-ctx.Done():
		a.leave(line)
		return false, false
	}
	a.leave(line)
	switch {
	case !a.allowed(w):
		return false, false
	case compare():
		a.succeeded(w)
		return true, true
	}
	a.failed(w)
	return false, true
}

// enter finds the line to wait in; not ok when there is no use in waiting.
func (a *attempts) enter(w who) (line chan struct{}, ok bool) {
	if !a.allowed(w) {
		return nil, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.homes[w.both] {
		return a.atHome, true
	}
	if a.waiting >= maxWaiting {
		return nil, false
	}
	a.waiting++
	return a.comparing, true
}

func (a *attempts) leave(line chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if line == a.comparing {
		a.waiting--
	}
}

// who are the names under which an attempt is counted.
type who struct{ both, address, user string }

func newWho(user, address string) who {
	if len(user) > longestName { // nobody is called that, and it is remembered
		user = user[:longestName]
	}
	address = subscriber(address)
	return who{both: "both " + address + " " + user, address: "address " + address, user: "user " + user}
}

// longestName is the length of the longest name of a user, in bytes.
const longestName = 160

// subscriber is the part of an address that its owner cannot choose.
func subscriber(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}

// allowed tells whether another attempt may be made. Asking leaves nothing behind: whoever is refused cannot fill
// what is remembered until it has to be forgotten.
func (a *attempts) allowed(w who) bool {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range []string{w.both, w.address, w.user} {
		if id == w.user && a.homes[w.both] {
			continue
		}
		if l := a.byID[id]; l != nil && l.TokensAt(now) < 1 {
			return false
		}
	}
	return true
}

// failed counts a failed attempt.
func (a *attempts) failed(w who) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.byID) >= maxAttempts {
		a.sweep(now)
	}
	for id, l := range map[string]limit{w.both: perUserAndAddress, w.address: perAddress, w.user: perUser} {
		if a.byID[id] == nil {
			a.byID[id] = rate.NewLimiter(rate.Every(l.every), l.burst)
		}
		a.byID[id].AllowN(now, 1)
	}
}

// sweep forgets whoever has waited long enough to begin anew, or everybody if that is nobody. The slowness of
// comparing keeps it from ever coming to that.
func (a *attempts) sweep(now time.Time) {
	for id, l := range a.byID {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(a.byID, id)
		}
	}
	if len(a.byID) >= maxAttempts {
		clear(a.byID)
	}
}

// succeeded forgives the user at this address what was mistyped before, and remembers that he is at home there.
func (a *attempts) succeeded(w who) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byID, w.both)
	if len(a.homes) >= maxHomes {
		clear(a.homes)
	}
	a.homes[w.both] = true
}
