package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/tasks"
)

// errTwoBelts says that waiting cannot mend it: other workers of this ledger use another Redis.
var errTwoBelts = errors.New("two belts")

// claim makes sure that the belt is this ledger's, and says that it is in use. It runs before every feeding,
// so it is also how a wiped Redis is noticed.
func (w *Worker) claim(ctx context.Context) error {
	id, err := intake.ClaimBelt(ctx, w.o.Book, w.o.Belt, w.o.Name, w.belt())
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beltID = id
	return nil
}

// belt is the id of the belt that this worker uses; empty: none yet.
func (w *Worker) belt() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beltID
}

// beltLook is how often a worker that waits for the belt looks whether the other one has left.
const beltLook = time.Second

// takeBelt is claim at the start, when the ledger may say that another belt was in use a moment ago. Whether
// it still is shows when somebody says so again; a worker that was killed says nothing more, and one that was
// stopped has taken it back.
func (w *Worker) takeBelt(ctx context.Context) error {
	var seen time.Time
	for {
		err := w.claim(ctx)
		var other *ledger.OtherBeltError
		switch {
		case !errors.As(err, &other):
			return err
		case seen.IsZero():
			w.tellWaiting(other)
		case other.Other.Seen.After(seen):
			return fmt.Errorf("%w: %w", errTwoBelts, err)
		}
		seen = other.Other.Seen
		if !w.idle(min(beltLook, ledger.BeltLease-other.Ago)) {
			return context.Canceled
		}
	}
}

// tellWaiting says whom this worker waits for, and until when.
func (w *Worker) tellWaiting(other *ledger.OtherBeltError) {
	now := time.Now()
	until := now.Add(ledger.BeltLease - other.Ago + time.Second - 1).In(beijing.Zone).Format("15:04:05")
	text := fmt.Sprintf("last used by a worker %d s ago; if it was stopped, this one goes on at %s", int(other.Ago.Seconds()), until)
	w.o.Log.Warn().Str("redis", other.Mine.Name).Str("other_redis", other.Other.Name).Str("other_worker", other.Other.Worker).
		Msg("this ledger has another Redis, " + text)
	if w.o.OnEvent != nil {
		w.o.OnEvent(Event{At: now, Kind: EventWaiting, Detail: text})
	}
}

// leaveLimit is how long the ledger is given to note that the belt is left: nobody is kept from stopping.
const leaveLimit = 3 * time.Second

// leaveBelt takes back that this worker uses the belt, so that one with another Redis need not wait until its
// word lapses. Last of all: until then lanes and feeder put tasks there. If it cannot be said, that one waits.
func (w *Worker) leaveBelt() {
	id := w.belt()
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, leaveLimit)
	defer cancel()
	if err := w.o.Book.LeaveBelt(ctx, ledger.Belt{ID: id, Worker: w.o.Name}); err != nil {
		w.o.Log.Debug().Err(err).Msg("the belt could not be given back; a worker with another Redis waits a few seconds")
	}
}

// hopeless tells whether an error is one that waiting cannot mend.
func hopeless(err error) bool { return errors.Is(err, tasks.ErrForeign) || errors.Is(err, errTwoBelts) }

// loadBelt puts what is in line on the belt before the lanes start, so that they find the order that is meant. What
// cannot be fed is no reason not to work on the rest.
func (w *Worker) loadBelt() {
	if w.o.WithoutFeeder {
		return
	}
	ctx, cancel := context.WithTimeout(w.loops, 5*time.Minute)
	defer cancel()
	if _, err := intake.FeedLine(ctx, w.o.Book, w.o.Belt); err != nil && w.loops.Err() == nil {
		w.o.Log.Warn().Err(err).Msg("not everything could be put on the belt; trying on, nothing is lost")
	}
}
