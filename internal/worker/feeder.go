package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// How often each looks. All of them may run in any number of workers at once: whatever they do twice
// is done once.
const (
	feedEvery   = 1 * time.Second
	rescueEvery = 3 * time.Second
	reloadEvery = 1 * time.Minute // metrics' help texts and docs/operations.md tell of this one and the next two
	gaugeEvery  = 2 * time.Second
	gaugeAtMost = 15 * time.Second
	pruneEvery  = 6 * time.Hour
)

// unexamined is how long a refused shipment's evidence is left to the worker that had the call, counted from its
// death, or to the one that has claimed it since: until the latest moment at which its query is sent, and then
// longer than any query takes.
const unexamined = 30 * time.Second

// manyRows at once on the belt are worth a line in the log.
const manyRows = 100

// settled is how long a row must have been as it is before it is called lost: a task on its way from
// one queue to another is for a moment in none.
const settled = 10 * time.Second

// feed makes sure that the belt is this ledger's and puts on it what the ledger says is not there: after
// a loss, everything.
func (w *Worker) feed(ctx context.Context) error {
	if err := w.claim(ctx); err != nil {
		var other *ledger.OtherBeltError
		if errors.As(err, &other) { // somebody took another one while this process was stopped
			return fmt.Errorf("%w: %w", errTwoBelts, err)
		}
		return err
	}
	n, err := intake.Feed(ctx, w.o.Book, w.o.Belt)
	level := zerolog.DebugLevel
	if n >= manyRows {
		level = zerolog.InfoLevel // a file came in, or the belt had to be loaded again
	}
	if n > 0 {
		w.o.Log.WithLevel(level).Int("rows", n).Msg("put on the belt from the ledger")
	}
	return err
}

// rescue takes over every call whose fence has passed, whatever became of its worker, and brings back
// what only a dead process has in hand.
func (w *Worker) rescue(ctx context.Context) error {
	overdue, err := w.o.Book.Overdue(ctx, 500)
	if err != nil {
		return err
	}
	return errors.Join(
		each(ctx, w, overdue, func(r ledger.Row) error {
			_, err := w.o.Book.TakeOver(ctx, r, w.o.Retry.afterSilence(r.Failures+1), w.o.Name, false)
			if errors.Is(err, ledger.ErrStale) {
				return nil
			}
			if err == nil {
				w.o.Log.Warn().Stringer("shipment", r.Key()).Msg("a call had no answer before its fence; to be queried")
			}
			return err
		}),
		each(ctx, w, w.serving(), func(l *lane) error { return w.adopt(ctx, l) }))
}

// each does something for everyone: what is wrong with one keeps it from nobody else, unless ledger or Redis do not
// answer at all.
func each[T any](ctx context.Context, w *Worker, all []T, do func(T) error) (failed error) {
	for _, one := range all {
		if err := do(one); err != nil {
			failed = errors.Join(failed, err)
			if w.away(ctx) {
				break
			}
		}
	}
	return failed
}

// examine makes the queries for the evidence that processes which have ended could not make.
func (w *Worker) examine(ctx context.Context) error {
	return each(ctx, w, w.serving(), func(l *lane) error { return l.examine(ctx) })
}

// examine makes the query for the evidence that a process which has ended could not make (C1).
func (l *lane) examine(ctx context.Context) error {
	rows, err := l.w.o.Book.Unexamined(ctx, l.partner, alipay.ServiceQuery, unexamined)
	if err != nil {
		return err
	}
	return each(ctx, l.w, rows, func(r ledger.Row) error {
		r, err := l.gatherEvidence(ctx, r)
		if errors.Is(err, ledger.ErrStale) {
			return nil
		}
		if err == nil {
			l.moved(ctx, r, "the evidence was gathered afterwards")
		}
		return err
	})
}

// reload compares ledger and belt both ways.
func (w *Worker) reload(ctx context.Context) error {
	return each(ctx, w, []func(context.Context) error{
		func(ctx context.Context) error { return w.o.Belt.Publish(ctx, w.partners()) },
		w.reloadLanes, w.reloadDead, w.checkArchive, w.checkUndecodable,
	}, func(part func(context.Context) error) error { return part(ctx) })
}

func (w *Worker) reloadLanes(ctx context.Context) error {
	return each(ctx, w, w.serving(), func(l *lane) error {
		there, err := w.o.Belt.Snapshot(ctx, l.partner)
		if err != nil {
			return err
		}
		return w.reloadState(ctx, l.partner, shipment.Queued, there)
	})
}

const reloadPage = 2000

func (w *Worker) reloadState(ctx context.Context, partner string, state shipment.State, there interface {
	At(k shipment.Key) tasks.Where
},
) error {
	for after := (ledger.Cursor{}); ; {
		rows, err := w.o.Book.OnBelt(ctx, partner, state, after, reloadPage)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		after = ledger.Cursor{At: last.AcceptedAt, ID: last.ID}
		var lost []ledger.Lost
		for _, r := range rows {
			if r.ReadAt.Sub(r.ChangedAt) < settled {
				continue
			}
			switch there.At(r.Key()) {
			case tasks.Nowhere:
				// In no queue, and yet its id may be taken, if Redis has lost a list and kept the task.
				taken, err := w.o.Belt.IDTaken(ctx, intake.ItemOf(r))
				if err != nil {
					return err
				}
				lost = append(lost, ledger.Lost{Row: r, Orphaned: taken && state == shipment.Queued})
			case tasks.Orphaned:
				lost = append(lost, ledger.Lost{Row: r, Orphaned: true})
			case tasks.Present:
			}
		}
		if err := w.bringBack(ctx, lost); err != nil {
			return err
		}
	}
}

// reloadDead makes the dead-letter queue agree with the ledger, both ways.
func (w *Worker) reloadDead(ctx context.Context) error {
	there, err := w.o.Belt.Dead(ctx)
	if err != nil {
		return err
	}
	partners, err := w.o.Book.Partners(ctx, shipment.Dead)
	if err != nil {
		return err
	}
	return errors.Join(
		each(ctx, w, partners, func(partner string) error { return w.reloadState(ctx, partner, shipment.Dead, there) }),
		each(ctx, w, slices.Collect(maps.Keys(there)), func(k shipment.Key) error {
			r, err := w.o.Book.Get(ctx, k)
			if errors.Is(err, ledger.ErrNotFound) {
				return nil
			}
			if err == nil && r.State != shipment.Dead && !r.Feed {
				err = w.o.Belt.RemoveDead(ctx, k)
			}
			return err
		}))
}

func (w *Worker) partners() []string {
	lanes := w.serving()
	partners := make([]string, len(lanes))
	for i, l := range lanes {
		partners[i] = l.partner
	}
	return partners
}

// checkArchive raises the alarm should asynq have given something up after all.
func (w *Worker) checkArchive(ctx context.Context) error {
	n, err := w.o.Belt.Archived(ctx, w.partners())
	if err != nil {
		return fmt.Errorf("look for archived tasks: %w", err)
	}
	if n > 0 {
		w.o.Log.Error().Int64("tasks", n).Msg("asynq has archived tasks, which must not happen; their shipments are safe in the ledger")
	}
	w.metrics.archived.Set(float64(n + w.givenUp.Load()))
	return nil
}

// checkUndecodable raises the alarm about bytes that asynq cannot read. Other work goes on beside them.
func (w *Worker) checkUndecodable(ctx context.Context) error {
	n := 0
	err := each(ctx, w, w.serving(), func(l *lane) error {
		odd, err := w.o.Belt.Undecodable(ctx, l.partner)
		if err != nil {
			return fmt.Errorf("look for undecodable tasks: %w", err)
		}
		for _, o := range odd {
			w.o.Log.Error().Str("queue", o.Queue).Str("task", o.ID).
				Msg("something in the queue cannot be decoded; it is not ours, or half of it is lost: what it should be must be found out, then it may be removed (docs/operations.md)")
		}
		n += len(odd)
		return nil
	})
	w.metrics.undecodable.Set(float64(n))
	return err
}

// checkMemory warns of a Redis that forgets tasks when it is full.
func (w *Worker) checkMemory(ctx context.Context) error {
	warning, err := w.o.Belt.Forgets(ctx)
	if warning != "" {
		w.o.Log.Warn().Str("redis", w.o.Belt.URL()).Msg(warning)
	}
	return err
}

// prune forgets calls that nobody needs any more.
func (w *Worker) prune(ctx context.Context) error {
	n, err := w.o.Book.Prune(ctx, w.o.KeepCalls, false, w.o.Name)
	if n > 0 {
		w.o.Log.Info().Int64("calls", n).Msg("old calls of settled shipments are forgotten")
	}
	return err
}
