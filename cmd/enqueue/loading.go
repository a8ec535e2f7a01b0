package main

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
)

// loading puts on the belt what requests have handed over, beside them: a Redis that is slow or away keeps nobody
// waiting, and workers do the same from the ledger.
type loading struct {
	belt  *belt
	log   zerolog.Logger
	wants chan struct{}
	end   context.CancelFunc
	done  chan struct{}
	said  string // the trouble that was told last; empty: none
}

const (
	// loadEvery keeps many small requests from asking Redis for each.
	loadEvery = 250 * time.Millisecond
	// loadAgain is when a Redis that did not answer is asked again.
	loadAgain = 10 * time.Second
)

// startLoading begins with what an earlier process may have left. A Redis of another ledger is a usage error.
func startLoading(ctx context.Context, g *cli, book *ledger.Ledger, log zerolog.Logger) (*loading, error) {
	b, err := reach(ctx, g, book)
	if err != nil {
		return nil, err
	}
	l := &loading{belt: b, log: log, wants: make(chan struct{}, 1), done: make(chan struct{})}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it ends after the requests do
	l.end = cancel
	l.wanted()
	go l.run(inner)
	return l, nil
}

// wanted says that there is something to put on the belt.
func (l *loading) wanted() {
	select {
	case l.wants <- struct{}{}:
	default: // somebody has said it
	}
}

func (l *loading) stop() {
	l.end()
	<-l.done
	l.belt.close(l.log)
}

func (l *loading) run(ctx context.Context) {
	defer close(l.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wants:
		}
		wait := loadEvery
		if err := l.load(ctx); err != nil && ctx.Err() == nil {
			wait = loadAgain
			l.wanted()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// load puts on the belt what is not there. Trouble is told once, and so is its end.
func (l *loading) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, delivery)
	defer cancel()
	n, err := intake.Deliver(ctx, l.belt.book, l.belt.Belt)
	switch {
	case err == nil && l.said != "":
		l.said = ""
		l.log.Info().Int("tasks", n).Msg("Redis answers again; what had been accepted meanwhile is in line")
	case err == nil:
		l.log.Debug().Int("tasks", n).Msg("put in line")
	case err.Error() != l.said:
		l.said = err.Error()
		l.belt.tell(l.log, err)
	}
	return err
}
