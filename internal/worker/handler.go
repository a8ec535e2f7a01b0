package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// job is one task in hand.
type job struct {
	id      string
	key     shipment.Key
	n       int64 // the version under which it went through the retry queue; 0: it did not
	payload []byte

	pre        preflight // the last preflight that may still be used
	othersPass bool      // as facts.OthersPass

	once   bool // ShipOne: one call, and no belt
	called bool // ShipOne: it has been made, or may have been
}

// preflight is what a query has told, and for how long it counts.
type preflight struct {
	version int64 // of the row that was asked about
	until   time.Time
	refund  string // the buyer asks for the money back: shipped all the same, and flagged
}

func (p preflight) covers(r ledger.Row) bool {
	return p.version == r.Version && time.Now().Before(p.until)
}

var (
	// errAgain sends the handler back to step 1.
	errAgain = errors.New("look again")
	// errDraining says that the worker is stopping and no call may be begun.
	errDraining = errors.New("the worker is stopping")
)

// process handles one task of the lane. It returns nil when the task may go: the shipment is settled,
// in somebody else's hands, or in line again under another task.
func (l *lane) process(ctx context.Context, t *asynq.Task) error {
	defer l.step(StepDone)
	id, _ := asynq.GetTaskID(ctx)
	j := &job{id: id, payload: t.Payload()}
	var err error
	if j.key, j.n, err = tasks.ParseID(id); err != nil || j.key.Partner != l.partner || t.Type() != tasks.TypeConfirm {
		// Somebody else's idea of an id: the payload decides what it is.
		s, parseErr := tasks.ParsePayload(t.Payload())
		if parseErr != nil || s.Partner != l.partner || s.Validate() != nil || t.Type() != tasks.TypeConfirm {
			return clean(l.refuse(ctx, j))
		}
		j.key, j.n = s.Key(), 0
	}
	return clean(l.handle(ctx, j))
}

// clean makes an error fit to be stored by asynq, which hangs for a minute on broken UTF-8.
func clean(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	return errors.New(strings.ToValidUTF8(text[:min(len(text), 200)], "?")) // cut first: it may cut a character
}

// handle repeats rounds until the task may go. Nothing that goes wrong here is a failure of the
// shipment: the ledger away, Redis away, no connection are waited out.
func (l *lane) handle(ctx context.Context, j *job) error {
	wait := 100 * time.Millisecond
	for {
		done, err := l.round(ctx, j)
		switch {
		case err == nil && done:
			return nil
		case errors.Is(err, errDraining):
			return l.handBack(ctx, j)
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil, errors.Is(err, errAgain), errors.Is(err, ledger.ErrStale),
			errors.Is(err, ledger.ErrSlotClosed), errors.Is(err, ledger.ErrHeld):
			wait = 100 * time.Millisecond
			continue
		}
		l.w.o.Log.Warn().Err(err).Stringer("shipment", j.key).Dur("again_in", wait).Msg("waiting")
		if err := l.sleep(ctx, wait); errors.Is(err, errDraining) {
			return l.handBack(ctx, j)
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// round goes through the steps once. done says that the task may go; an error that the round is to be
// repeated.
func (l *lane) round(ctx context.Context, j *job) (done bool, err error) {
	// Step 1: read.
	l.step(StepRead)
	row, known, err := l.read(ctx, j)
	if err != nil || !known {
		return !known, err
	}
	switch lookAt(row) {
	case lookDrop:
		return true, nil
	case lookLater:
		return l.later(ctx, j, row)
	case lookTakeOver:
		l.step(StepTakeOver)
		_, err := l.w.o.Book.TakeOver(ctx, row, l.w.o.Retry.afterSilence(row.Failures+1), l.w.o.Name, !j.once)
		if err == nil {
			l.step(StepTakenOver)
		}
		return false, err // step 1 again: due at once, or later
	case lookGo:
	}
	account, err := l.awaitRelease(ctx, row)
	if err != nil {
		return false, err
	}
	if j.othersPass, err = l.w.o.Book.OthersPass(ctx, row); err != nil {
		return false, err
	}
	// Step 2: preflight.
	if done, err := l.preflight(ctx, j, row, account); done || err != nil {
		return done, err
	}
	if j.once && j.called {
		return true, nil
	}
	return l.call(ctx, j, row)
}

// later puts a shipment that is not due back in line for its time.
func (l *lane) later(ctx context.Context, j *job, row ledger.Row) (done bool, err error) {
	l.step(StepLater)
	if j.n == row.Version {
		// This task has the id that its successor would have.
		if row, err = l.w.o.Book.BackInLine(ctx, row, l.w.o.Name, "not due yet"); err != nil {
			return false, err
		}
	}
	return true, l.putInLine(ctx, row)
}

// putInLine makes the belt agree with a row, and says so in the ledger. The feeder does it should we
// not come to it.
func (l *lane) putInLine(ctx context.Context, row ledger.Row) error {
	l.step(StepPut)
	if l.w.o.Belt == nil {
		return nil // ShipOne: the row is marked, and any worker's feeder finds it
	}
	if err := intake.FeedRow(ctx, l.w.o.Belt, row); err != nil {
		return err
	}
	l.step(StepFed)
	return l.w.o.Book.Fed(ctx, []ledger.Row{row})
}

// moved follows a change of state to the belt. Whatever fails here is left to the feeder: the ledger
// has it marked.
func (l *lane) moved(ctx context.Context, row ledger.Row, detail string) {
	switch row.State {
	case shipment.Dead:
		l.w.o.Log.Warn().Stringer("shipment", row.Key()).Str("reason", string(row.Reason)).Str("code", row.ErrorCode).
			Str("status", row.TradeStatus).Str("detail", detail).Msg("dead letter, for a person")
	case shipment.Queued:
		l.w.o.Log.Info().Stringer("shipment", row.Key()).Time("not_before", row.NotBefore).Str("detail", detail).Msg("back in line")
	case shipment.Shipped:
		l.w.o.Log.Info().Stringer("shipment", row.Key()).Str("detail", detail).Msg("shipped")
	case shipment.Calling, shipment.Closed:
	}
	if err := l.putInLine(ctx, row); err != nil {
		l.w.o.Log.Warn().Err(err).Stringer("shipment", row.Key()).Msg("the feeder will bring the queue up to date")
	}
	l.emit(Event{
		Kind: EventMoved, Shipment: row.Shipment, State: row.State, Reason: row.Reason,
		Code: row.ErrorCode, Status: row.TradeStatus, Detail: detail,
	})
}

// handBack puts a shipment that is only in hand back in line, ahead of what was not begun.
func (l *lane) handBack(ctx context.Context, j *job) error {
	// Detached: it is because we stop that it has to be done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	row, err := l.w.o.Book.Get(ctx, j.key)
	if errors.Is(err, ledger.ErrNotFound) {
		return errDraining // asynq keeps the task
	}
	if err != nil {
		return err
	}
	if row.State != shipment.Queued {
		return nil
	}
	l.step(StepHandBack)
	row, err = l.w.o.Book.BackInLine(ctx, row, l.w.o.Name, "handed back: the worker stops")
	if errors.Is(err, ledger.ErrStale) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.putInLine(ctx, row)
}

// sleep waits, unless the task is taken away or the worker stops.
func (l *lane) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-l.drain:
		return errDraining
	}
}

func (l *lane) metrics() *metrics { return l.w.metrics }
