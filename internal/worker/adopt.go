package worker

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// adopt deals with what is only in the hands of a process that has stopped renewing its leases, or in nobody's,
// and with what asynq has given up: its shipment comes back through the retry queue, and the old task is taken
// away. asynq itself would take 60 to 125 s and put it at the back of the line; without a lease entry, or beside
// a task that it cannot decode, it would never come back. One that cannot be dealt with keeps nobody from the
// others.
func (w *Worker) adopt(ctx context.Context, l *lane) error {
	orphans, err := w.o.Belt.Orphans(ctx, l.partner)
	return errors.Join(err, each(ctx, w, orphans, func(o tasks.Orphan) error { return w.adoptOne(ctx, l, o) }))
}

// adoptOne buries a task once its shipment is settled or in line under another one. What cannot be decoded stays
// where it is, for a person.
func (w *Worker) adoptOne(ctx context.Context, l *lane, o tasks.Orphan) error {
	r, err := ledger.Row{}, ledger.ErrNotFound
	if k, _, parseErr := tasks.ParseID(o.ID); parseErr == nil && k.Partner == l.partner {
		r, err = w.o.Book.Get(ctx, k)
	}
	safe := false
	if errors.Is(err, ledger.ErrNotFound) {
		r, safe, err = w.takeIn(ctx, l, o)
	}
	if err == nil && r.ID != 0 {
		safe, err = w.elsewhere(ctx, o, r)
	}
	if err != nil || !safe {
		return err
	}
	if o.GivenUp {
		w.givenUp.Add(1)
		w.o.Log.Error().Str("queue", o.Queue).Str("task", o.ID).
			Msg("asynq had given a task up, and its shipment is safe; who puts tasks there must leave them their retries")
	}
	return w.o.Belt.Bury(ctx, o)
}

// takeIn takes a task that the ledger does not know, and on which nobody works, into the ledger. What is no
// shipment is safe as a dead letter, and there is no row; what cannot be decoded is not.
func (w *Worker) takeIn(ctx context.Context, l *lane, o tasks.Orphan) (r ledger.Row, safe bool, err error) {
	taskType, payload, known, err := w.o.Belt.Payload(ctx, o)
	if err != nil || !known {
		return r, false, err
	}
	w.o.Log.Warn().Str("task", o.ID).Msg("nobody works on a task that the ledger does not know; taken in")
	s, parseErr := tasks.ParsePayload(payload)
	if parseErr != nil || s.Partner != l.partner || s.Validate() != nil || taskType != tasks.TypeConfirm {
		return r, true, l.refuse(ctx, &job{id: o.ID, payload: payload})
	}
	if _, err = w.o.Book.Accept(ctx, []shipment.Shipment{s}, ledger.AcceptOptions{Actor: "queue"}); err != nil {
		return r, false, err
	}
	r, err = w.o.Book.Get(ctx, s.Key())
	return r, false, err
}

// elsewhere tells whether a row is settled, or in line under another task than this one; if it is not, it is
// put there.
func (w *Worker) elsewhere(ctx context.Context, o tasks.Orphan, r ledger.Row) (bool, error) {
	if r.State != shipment.Queued {
		return true, nil
	}
	item := intake.ItemOf(r)
	if !o.Is(item) {
		there, err := r.Feed, error(nil)
		if !there {
			there, err = w.o.Belt.Has(ctx, item)
		}
		if err != nil || there {
			return there, err
		}
	}
	// A new version, since the old task still has its id.
	return true, w.bringBack(ctx, []ledger.Lost{{Row: r, Orphaned: true}})
}

// outOfTime is told by asynq of every task that was not completed, before asynq puts it back or gives it up. Our
// own have all the time there is. One that somebody else has put there with a deadline, or with a time that is
// shorter than the wait for its turn, would never be handled, and bar the way for its shipment: that one goes
// on by a task of ours. asynq finds its task gone then, and says so. If this fails, asynq hands the task out
// again or gives it up, and it is dealt with then.
func (l *lane) outOfTime(ctx context.Context, _ *asynq.Task, why error) {
	if ctx.Err() == nil || errors.Is(why, asynq.ErrLeaseExpired) {
		return // the handler's own error; or this process was too slow for its lease, and rescue adopts the task
	}
	var o tasks.Orphan
	o.ID, _ = asynq.GetTaskID(ctx)
	o.Queue, _ = asynq.GetQueueName(ctx)
	l.w.o.Log.Warn().Str("queue", o.Queue).Str("task", o.ID).AnErr("why", why).
		Msg("a task's own time was over before its turn; its shipment goes on by another one. Who puts tasks there must give them neither deadline nor timeout")
	// The task's own context is over.
	limited, cancel := context.WithTimeout(l.w.ctx, 10*time.Second)
	defer cancel()
	if err := l.w.adoptOne(limited, l, o); err != nil { //nolint:contextcheck // see above
		l.w.o.Log.Warn().Err(err).Str("task", o.ID).Msg("cannot take its shipment on yet; trying on")
	}
}

// away tells whether Redis or the ledger does not answer at all, so that going on is in vain.
func (w *Worker) away(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return w.o.Belt.Ping(ctx) != nil || w.o.Book.Ping(ctx) != nil
}

func (w *Worker) bringBack(ctx context.Context, lost []ledger.Lost) error {
	if len(lost) == 0 {
		return nil
	}
	w.o.Log.Warn().Int("rows", len(lost)).Stringer("first", lost[0].Key()).Msg("missing on the belt; putting them back")
	return w.o.Book.FeedAgain(ctx, lost, w.o.Name)
}
