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

// answerQuestions makes the queries that people have asked for. One account's slow answer does not keep another's
// from being asked; the next of the same account waits for it, as queries are paced anyway.
func (w *Worker) answerQuestions(ctx context.Context) error {
	questions, err := w.o.Book.TakeQuestions(ctx, w.partners())
	if err != nil {
		return err
	}
	var asking sync.WaitGroup
	failed := make([]error, len(questions))
	for i, q := range questions {
		for _, l := range w.serving() {
			if l.partner == q.Key.Partner {
				asking.Go(func() { failed[i] = l.answer(ctx, q) })
			}
		}
	}
	asking.Wait()
	return errors.Join(failed...)
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

// beat says that this worker works, and for whom.
func (w *Worker) beat(ctx context.Context) error {
	return w.o.Book.Heartbeat(ctx, w.o.Name, w.partners(), false)
}

// sayStopped says that this worker has ended. It need not succeed: who is silent counts as gone soon.
func (w *Worker) sayStopped() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), time.Second)
	defer cancel()
	if err := w.o.Book.Heartbeat(ctx, w.o.Name, w.partners(), true); err != nil {
		w.o.Log.Debug().Err(err).Msg("could not say that it stops")
	}
}
