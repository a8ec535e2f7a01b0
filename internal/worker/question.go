package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

const (
	questionEvery = 1 * time.Second
	beatEvery     = ledger.WorkerLease / 4
)

// asking is what accounts are being asked for people.
type asking struct {
	mu      sync.Mutex
	busy    map[string]bool // by partner
	failed  error           // since it was last told
	running sync.WaitGroup
}

// answerQuestions makes the queries that people have asked for, beside the loop that looks for questions: one
// account's slow answer does not keep another's from being asked. The next of the same account waits for it, as
// queries are paced anyway, or another worker takes it.
func (w *Worker) answerQuestions(ctx context.Context) error {
	var free []string
	for _, partner := range w.partners() {
		if !w.asking.is(partner) {
			free = append(free, partner)
		}
	}
	questions, err := w.o.Book.TakeQuestions(ctx, free) // what was taken before an error is asked all the same
	for _, q := range questions {
		for _, l := range w.serving() {
			if l.partner == q.Key.Partner {
				w.asking.ask(l.partner, func() error { return l.answer(w.loops, q) }) // which outlasts this look
			}
		}
	}
	return errors.Join(err, w.asking.tell())
}

func (a *asking) is(partner string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.busy[partner]
}

// ask runs f for an account. Only answerQuestions does, so no account is asked twice at once.
func (a *asking) ask(partner string, f func() error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy[partner] = true
	a.running.Go(func() {
		err := f()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.busy, partner)
		a.failed = errors.Join(a.failed, err)
	})
}

// tell is what has failed since it was last told.
func (a *asking) tell() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.failed
	a.failed = nil
	return err
}

// answer makes one query for a person. That Alipay told nothing is an answer, too.
func (l *lane) answer(ctx context.Context, q ledger.Question) error {
	limited, cancel := context.WithTimeout(ctx, preflightTime(0, true))
	defer cancel()
	a, err := l.query(limited, ledger.Row{Shipment: shipment.Shipment{Partner: q.Key.Partner, TradeNo: q.Key.TradeNo}})
	if err != nil {
		return err
	}
	if l.quit.Err() != nil && a.Outcome == alipay.Unknown {
		return nil // cut off by the stop: another worker asks
	}
	err = l.w.o.Book.AnswerQuestion(ctx, q, findsOf(a), l.w.o.Name)
	if errors.Is(err, ledger.ErrStale) { // somebody else has answered it, or has done something with the shipment
		return nil
	}
	return err
}

// beat says that this worker works, and for whom, and that it uses the belt: feeding says so, too, but only before it
// begins, and a mountain of rows takes longer than the belt's lease.
func (w *Worker) beat(ctx context.Context) error {
	if err := w.o.Book.Heartbeat(ctx, w.o.Name, w.partners(), false); err != nil {
		return err
	}
	id := w.belt()
	if id == "" {
		return nil
	}
	// A belt that is away is used by nobody: that time is nobody's retry budget. The feeder says that it is away.
	limited, cancel := context.WithTimeout(ctx, beatEvery/2)
	defer cancel()
	if w.o.Belt.Ping(limited) != nil {
		return nil
	}
	return w.o.Book.RenewBelt(ctx, ledger.Belt{ID: id, Name: w.o.Belt.Name(), Worker: w.o.Name})
}

// sayStopped says that this worker has ended. It need not succeed: who is silent counts as gone soon.
func (w *Worker) sayStopped() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), time.Second)
	defer cancel()
	if err := w.o.Book.Heartbeat(ctx, w.o.Name, w.partners(), true); err != nil {
		w.o.Log.Debug().Err(err).Msg("could not say that it stops")
	}
}
