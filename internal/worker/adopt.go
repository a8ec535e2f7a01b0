package worker

import (
	"context"
	"errors"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// adopt deals with what is only in the hands of a process that has stopped renewing its leases, or in nobody's:
// its shipment comes back through the retry queue, and the old task is taken away. asynq itself would take 60 to
// 125 s and put it at the back of the line; without a lease entry, or beside a task that it cannot decode, it
// would never come back.
func (w *Worker) adopt(ctx context.Context, l *lane) error {
	orphans, err := w.o.Belt.Orphans(ctx, l.partner)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		safe, err := w.adoptOne(ctx, l, o)
		if err != nil {
			return err
		}
		if safe {
			if err := w.o.Belt.Bury(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// adoptOne tells whether the orphan may be buried: its shipment is settled, or marked to be fed.
func (w *Worker) adoptOne(ctx context.Context, l *lane, o tasks.Orphan) (safe bool, err error) {
	k, _, parseErr := tasks.ParseID(o.ID)
	if parseErr != nil || k.Partner != l.partner {
		return w.takeIn(ctx, l, o)
	}
	r, err := w.o.Book.Get(ctx, k)
	if errors.Is(err, ledger.ErrNotFound) {
		return w.takeIn(ctx, l, o)
	}
	if err != nil || r.State != shipment.Queued || r.Feed {
		return err == nil, err
	}
	there, err := w.o.Belt.Has(ctx, intake.ItemOf(r))
	if err != nil || there {
		return there, err
	}
	// A new version, since the old task still has its id.
	return true, w.bringBack(ctx, []ledger.Lost{{Row: r, Orphaned: true}})
}

// takeIn takes a task that the ledger has never seen, and that a process died with, into the ledger; the feeder
// does the rest. What cannot be decoded stays where it is, for a person.
func (w *Worker) takeIn(ctx context.Context, l *lane, o tasks.Orphan) (safe bool, err error) {
	taskType, payload, known, err := w.o.Belt.Payload(ctx, o)
	if err != nil || !known {
		return false, err
	}
	w.o.Log.Warn().Str("task", o.ID).Msg("a process has ended with a task that the ledger does not know; taken in")
	s, parseErr := tasks.ParsePayload(payload)
	if parseErr != nil || s.Partner != l.partner || s.Validate() != nil || taskType != tasks.TypeConfirm {
		return true, l.refuse(ctx, &job{id: o.ID, payload: payload})
	}
	_, err = w.o.Book.Accept(ctx, []shipment.Shipment{s}, ledger.AcceptOptions{Actor: "queue"})
	return err == nil, err
}

func (w *Worker) bringBack(ctx context.Context, lost []ledger.Lost) error {
	if len(lost) == 0 {
		return nil
	}
	w.o.Log.Warn().Int("rows", len(lost)).Stringer("first", lost[0].Key()).Msg("missing on the belt; putting them back")
	return w.o.Book.FeedAgain(ctx, lost, w.o.Name)
}
