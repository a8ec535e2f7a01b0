package api

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"fahuo/internal/ledger"
)

// lines know when each account's line ends. To reckon it the ledger walks through the whole line, which for a day's work
// costs more than accepting a hundred shipments; so an answer is kept for a while, and what this process has accepted
// since is added.
type lines struct {
	book *ledger.Ledger
	*readings

	mu  sync.Mutex
	all map[string]*shared[*lineEnd]
}

// lineEnd is when an account's line ends.
type lineEnd struct {
	at   time.Time
	ok   bool          // somebody can say
	each time.Duration // the account's interval; 0: nobody has announced it

	since atomic.Int64 // how many were accepted since
}

// An answer is kept for keptFor times as long as it took, so that asking takes a twentieth of the time at most, and for
// keptAtMost, in which what others accept and what is shipped is not yet counted.
const (
	keptFor    = 20
	keptAtMost = 2 * time.Second
)

func newLines(book *ledger.Ledger, r *readings) *lines {
	return &lines{book: book, readings: r, all: make(map[string]*shared[*lineEnd])}
}

func (l *lines) of(partner string) *shared[*lineEnd] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[partner] == nil {
		l.all[partner] = &shared[*lineEnd]{readings: l.readings, limit: readLimit, read: func(ctx context.Context) (*lineEnd, error) {
			return readLine(ctx, l.book, partner)
		}}
	}
	return l.all[partner]
}

func readLine(ctx context.Context, book *ledger.Ledger, partner string) (*lineEnd, error) {
	account, err := book.Account(ctx, partner)
	if errors.Is(err, ledger.ErrNotFound) {
		return &lineEnd{}, nil
	}
	if err != nil {
		return nil, err
	}
	end := &lineEnd{each: account.Interval}
	end.at, end.ok, err = book.ETA(ctx, ledger.Scope{Partner: partner})
	return end, err
}

// longer is when an account's line ends of which n have just been accepted. Not ok: nobody can say.
func (l *lines) longer(ctx context.Context, partner string, n int) (end time.Time, ok bool, err error) {
	asked := time.Now()
	r, err := l.of(partner).sound(ctx, func(r *reading[*lineEnd]) bool {
		return r.value.each > 0 && time.Since(r.ended) < min(keptFor*r.ended.Sub(r.begun), keptAtMost)
	})
	if err != nil {
		return time.Time{}, false, err
	}
	end = r.value.at
	if r.begun.Before(asked) { // otherwise they are in it
		end = end.Add(time.Duration(r.value.since.Add(int64(n))) * r.value.each)
	}
	return end, r.value.ok, nil
}
