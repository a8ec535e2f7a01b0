package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// Feed puts everything on the belt that the ledger marks as not being there: shipments in line, dead
// letters in their queue; the task of a settled dead letter is taken away. It returns how many rows
// it dealt with.
//
// What is in line comes first, and again after every page of the rest: a hundred thousand dead letters that have to
// be put back keep no shipment waiting.
func Feed(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt) (fed int, err error) {
	fed, odd := FeedLine(ctx, book, belt)
	for _, state := range []shipment.State{shipment.Dead, shipment.Closed, shipment.Shipped} {
		for after, more := int64(0), true; more; {
			var n int
			n, after, more, err = feedPage(ctx, book, belt, state, after)
			fed += n
			if err != nil && !more {
				return fed, errors.Join(odd, err)
			}
			inLine, lineErr := FeedLine(ctx, book, belt)
			fed += inLine
			if odd == nil { // one is enough to look at
				odd = errors.Join(err, lineErr)
			}
		}
	}
	return fed, odd
}

// FeedLine puts every shipment in line that the ledger marks as not being there. The worker's feeder and every
// enqueuing command run this same function, and each begins with the oldest row: whoever puts a shipment in line has
// put all that were accepted before it, so the order of acceptance holds however many run at once. That a task is
// there already is success.
func FeedLine(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt) (fed int, err error) {
	for after, more := int64(0), true; more; {
		var n int
		var odd error
		n, after, more, odd = feedPage(ctx, book, belt, shipment.Queued, after)
		fed += n
		err = errors.Join(err, odd)
	}
	return fed, err
}

// pageSize is how many rows are put on the belt between two notes in the ledger that they are: few enough that calls
// get the ledger in between.
const pageSize = 500

// feedPage puts some rows of one state on the belt. more says that there may be others after the id next; an error
// together with more is about single rows, without it that the ledger or the belt does not answer.
func feedPage(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt, state shipment.State, after int64) (n int, next int64, more bool, err error) {
	rows, err := book.Unfed(ctx, state, after, pageSize)
	if err != nil || len(rows) == 0 {
		return 0, after, false, err
	}
	put, bad, err := feedRows(ctx, belt, rows)
	if err := errors.Join(err, book.Fed(ctx, put)); err != nil {
		return 0, after, false, errors.Join(bad, err)
	}
	return len(put), rows[len(rows)-1].ID, true, bad
}

// feedRows puts rows on the belt. One that cannot be put there, because something is wrong with its own task,
// must not keep the others from it: bad says so. err is that the belt does not answer.
func feedRows(ctx context.Context, belt *tasks.Belt, rows []ledger.Row) (put []ledger.Row, bad, err error) {
	for len(rows) > 0 {
		n := 0
		for n < len(rows) && rows[n].State == shipment.Queued && !rows[n].DeadTask {
			n++
		}
		var errs []error
		if n > 0 {
			errs = putInLine(ctx, belt, rows[:n])
		} else {
			n, errs = 1, []error{FeedRow(ctx, belt, rows[0])}
		}
		var first error
		for i, rowErr := range errs {
			if rowErr == nil {
				put = append(put, rows[i])
			} else if first == nil {
				first = rowErr
			}
		}
		if first != nil {
			if err := belt.Ping(ctx); err != nil {
				return put, bad, errors.Join(first, err)
			}
			if bad == nil {
				bad = first // one is enough to look at
			}
		}
		rows = rows[n:]
	}
	return put, bad, nil
}

// putInLine puts queued rows in line, all at once.
func putInLine(ctx context.Context, belt *tasks.Belt, rows []ledger.Row) []error {
	items := make([]tasks.Item, len(rows))
	for i, r := range rows {
		items[i] = ItemOf(r)
	}
	errs := belt.PutAll(ctx, items)
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("feed %s: %w", rows[i].Key(), err)
		}
	}
	return errs
}

// FeedRow makes the belt agree with one row.
func FeedRow(ctx context.Context, belt *tasks.Belt, r ledger.Row) error {
	if r.State == shipment.Dead {
		return belt.PutDead(ctx, tasks.DeadLetter{
			Shipment: r.Shipment, Reason: r.Reason, ErrorCode: r.ErrorCode, TradeStatus: r.TradeStatus, At: r.ChangedAt,
		})
	}
	if r.DeadTask {
		if err := belt.RemoveDead(ctx, r.Key()); err != nil {
			return err
		}
	}
	if r.State != shipment.Queued {
		return nil
	}
	if err := belt.Put(ctx, ItemOf(r)); err != nil {
		return fmt.Errorf("feed %s: %w", r.Key(), err)
	}
	return nil
}

// ItemOf is a queued row's place on the belt: what was begun before goes through the retry queue, so
// that it is not put behind everything else.
func ItemOf(r ledger.Row) tasks.Item {
	item := tasks.Item{Shipment: r.Shipment, Line: tasks.Main}
	switch {
	case r.Begun:
		item.Line, item.N = tasks.Retry, r.Version
		// asynq goes by this host's clock, the row by the ledger's.
		if wait := r.NotBefore.Sub(r.ReadAt); wait > 0 {
			item.At = time.Now().Add(wait)
		}
	case r.Urgent:
		item.Line = tasks.Urgent
	}
	return item
}

// ClaimBelt makes sure that the belt is this ledger's (tasks.ErrForeign if it is another one's) and the only
// one (*ledger.OtherBeltError if another is live). A belt that is new or was wiped is marked, and everything
// that belongs there is marked to be fed. worker is the name of the worker that will use it from now on,
// empty for an order system; was the id that an earlier call returned to it, empty at first.
//
// A crash between the two steps leaves a marked belt that the ledger does not know: the next who comes has it
// loaded.
func ClaimBelt(ctx context.Context, book *ledger.Ledger, belt *tasks.Belt, worker, was string) (id string, err error) {
	id, err = belt.Claim(ctx, book.Identity(), book.URL())
	if err == nil && id == "" {
		id, err = belt.Mark(ctx, book.Identity(), book.URL())
	}
	if err != nil {
		return "", err
	}
	_, err = book.UseBelt(ctx, ledger.Belt{ID: id, Name: belt.Name(), Worker: worker, Was: was})
	return id, err
}
