package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
)

// ShipOne takes one shipment that the ledger holds through the steps of a lane, in this process and without a belt,
// and returns its row as it then stands. It makes one call at most: what Alipay asks to be repeated is left to a
// worker, for which the row is marked, or to the next ShipOne.
//
// It keeps all that a lane keeps, because it is one: the account's slot is taken in the ledger (U2), the trade is
// queried first (U3 to U7), and whoever else has the same shipment in hand, a running worker or another ShipOne, does
// not call as well. An answer that does not come, or does not verify, is waited for until its fence and then settled
// by a query.
//
// The options are a worker's with one account and without a belt. Until ctx is done it waits for the slot, and for
// the release of an account on hold; then it returns ctx's error, and the row is where it was. A call that has been
// begun is not cut off.
func ShipOne(ctx context.Context, o Options, k shipment.Key) (ledger.Row, error) {
	o.Belt = nil
	if err := o.validateLanes(); err != nil {
		return ledger.Row{}, err
	}
	if len(o.Accounts) != 1 || o.Accounts[0].Credentials.Partner != k.Partner {
		return ledger.Row{}, fmt.Errorf("one account is needed, that of %s (U4)", k)
	}
	w := assemble(o) // its own context ends what is left under way, below
	defer w.cancel()
	return w.lanes[0].once(ctx, &job{id: k.String(), key: k, once: true})
}

// elsewherePoll is how often a call of another process is looked at.
const elsewherePoll = 200 * time.Millisecond

// once repeats rounds until the row is settled, back in line, or must not be called again.
func (l *lane) once(ctx context.Context, j *job) (ledger.Row, error) {
	for {
		done, err := l.round(ctx, j)
		row, readErr := l.w.o.Book.Get(context.WithoutCancel(ctx), j.key)
		switch {
		case readErr != nil:
			return row, errors.Join(err, readErr)
		case ctx.Err() != nil:
			return row, ctx.Err()
		case err != nil && !again(err) && !j.called:
			return row, err // nothing has been sent
		case row.State == shipment.Calling:
			// Ours without an answer, or another process's. Its fence passes, whatever becomes of it.
			if err := ratelimit.Sleep(ctx, elsewherePoll); err != nil {
				return row, err
			}
		case err == nil && done:
			return row, nil
		case err != nil && !again(err):
			if err := ratelimit.Sleep(ctx, elsewherePoll); err != nil {
				return row, err
			}
		}
	}
}

// again tells whether an error only says that things have changed, or are not so far yet.
func again(err error) bool {
	return errors.Is(err, errAgain) || errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrSlotClosed) || errors.Is(err, ledger.ErrHeld)
}
