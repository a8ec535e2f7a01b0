package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"fahuo/internal/ledger"
)

// lines know when each account's line ends. To reckon it the ledger walks through the whole line, which for a day's work
// costs more than accepting a hundred shipments; so an answer is kept for a while, and what this process has accepted
// since is added.
type lines struct {
	book *ledger.Ledger

	mu  sync.Mutex
	all map[string]*line
}

type line struct {
	mu   sync.Mutex // while the ledger is asked, others wait for its answer instead of asking, too
	read time.Time
	took time.Duration
	end  time.Time
	ok   bool
	each time.Duration // the account's interval
}

// An answer is kept for keptFor times as long as it took, so that asking takes a twentieth of the time at most, and for
// keptAtMost, in which what others accept and what is shipped is not yet counted.
const (
	keptFor    = 20
	keptAtMost = 2 * time.Second
)

func newLines(book *ledger.Ledger) *lines { return &lines{book: book, all: make(map[string]*line)} }

func (l *lines) of(partner string) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[partner] == nil {
		l.all[partner] = &line{}
	}
	return l.all[partner]
}

// longer is when an account's line ends of which n have just been accepted. Not ok: nobody can say.
func (l *lines) longer(ctx context.Context, partner string, n int) (end time.Time, ok bool, err error) {
	line := l.of(partner)
	line.mu.Lock()
	defer line.mu.Unlock()
	if time.Since(line.read) < min(keptFor*line.took, keptAtMost) {
		line.end = line.end.Add(time.Duration(n) * line.each)
		return line.end, line.ok, nil
	}
	start := time.Now()
	account, err := l.book.Account(ctx, partner)
	if errors.Is(err, ledger.ErrNotFound) {
		return time.Time{}, false, nil
	}
	if err == nil {
		line.end, line.ok, err = l.book.ETA(ctx, ledger.Scope{Partner: partner})
	}
	if err != nil {
		line.took = 0
		return time.Time{}, false, err
	}
	line.each, line.read, line.took = account.Interval, time.Now(), time.Since(start)
	return line.end, line.ok, nil
}
