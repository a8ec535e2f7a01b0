package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
)

// call is steps 3 to 7: connect, begin, write, wait, finish.
func (l *lane) call(ctx context.Context, j *job, row ledger.Row) (done bool, err error) {
	configured := l.account.Load()
	account := *configured // once: key and interval of this call agree
	request, err := l.w.o.Gateway.NewShipRequest(ctx, account.Credentials, row.Shipment)
	if err != nil {
		return l.unsendable(ctx, row, err)
	}
	params, err := json.Marshal(request.Params())
	if err != nil {
		return false, err
	}
	// Step 3.
	l.step(StepConnect)
	conn, err := l.awaitSlot(ctx, j, row)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }() // after the exchange there is nothing left to lose on it

	if l.account.Load() != configured {
		return false, errAgain // Alipay may not take the old key any more, and a refusal would hold the account
	}

	// Step 4. From m0 on the write window runs: a transaction that takes long shortens it.
	if l.draining() {
		return false, errDraining
	}
	l.step(StepBegin)
	window := l.writeWindow()
	m0 := time.Now()
	limited, cancel := context.WithTimeout(ctx, ratelimit.MaxWindow)
	fence := ratelimit.Fence(window, l.w.o.CallTimeout, account.Interval)
	begun, err := l.w.o.Book.Begin(limited, row, ledger.Attempt{
		Service: alipay.ServiceShip, Worker: l.w.o.Name, Params: string(params), Fence: fence, Interval: account.Interval,
		Probe: l.w.o.ProbeEvery,
	})
	cancel()
	if err != nil {
		// Also an unclear commit: it counts as not sent, and step 1 reads how it ended.
		return false, err
	}
	l.windowKept(time.Since(m0))
	fence = max(fence, begun.FenceAt.Sub(begun.ChangedAt)) // later if somebody has announced a larger interval

	// Steps 5 and 6. If we die in here, the row is calling until the fence, and then queried.
	l.step(StepWrite)
	result := conn.Ship(account.Credentials, request, alipay.Window{
		Start: m0, Write: window, Answer: l.w.o.CallTimeout,
		Deliver: min(l.w.o.CallTimeout, ratelimit.Deliver(l.w.o.CallTimeout, account.Interval)),
	})
	j.called = j.called || result.Sent
	l.step(StepAnswered)
	// Without an answer the account opens at the fence, so that is what the local limiter has to reckon with.
	l.observe(row, result, m0.Add(fence-account.Interval))

	// Step 7. Detached: the call has been made, and its answer must be recorded whoever stops us now.
	return l.finish(context.WithoutCancel(ctx), j, begun, result)
}

// awaitSlot waits until the account's slot opens, with a connection made shortly before. errAgain when
// the preflight has become too old meanwhile.
func (l *lane) awaitSlot(ctx context.Context, j *job, row ledger.Row) (conn *alipay.Conn, err error) {
	defer func() {
		if err != nil && conn != nil {
			err = errors.Join(err, conn.Close())
			conn = nil
		}
	}()
	for {
		if !j.pre.covers(row) {
			return conn, errAgain
		}
		account, err := l.w.o.Book.Account(ctx, l.partner)
		if err != nil {
			return conn, err
		}
		slot := ratelimit.Slot{Now: account.Now, OpenAt: account.OpenAt, InFlight: account.InFlight, Held: account.Hold != nil}
		if slot.Held {
			return conn, errAgain
		}
		wait := max(slot.Wait(l.a().Interval), l.local.Delay(time.Now()))
		early := wait - connectLead(l.a().Interval)
		switch {
		case early > 0 || slot.InFlight:
			// Too early for a connection: nobody likes one that is only held open.
			l.drop(conn)
			conn = nil
			if early <= 0 {
				early = wait
			}
			// Not in one piece: somebody may bring the time down, or a clock be set right.
			if err := l.sleep(ctx, min(early, longestSleep)); err != nil {
				return nil, err
			}
		case conn == nil || conn.Usable() != nil:
			l.drop(conn)
			if conn, err = l.connect(ctx); err != nil {
				return nil, err
			}
		case wait == 0:
			return conn, nil
		default:
			if err := l.sleep(ctx, wait); err != nil {
				return conn, err
			}
		}
	}
}

// longestSleep is how long a slot is not looked at.
const longestSleep = 5 * time.Second

// drop closes a connection that was not used; nil is none.
func (l *lane) drop(conn *alipay.Conn) {
	if conn != nil {
		if err := conn.Close(); err != nil {
			l.w.o.Log.Debug().Err(err).Msg("close an unused connection")
		}
	}
}

// connect makes the connection for one ship call. Failing is not an attempt: nothing was sent.
func (l *lane) connect(ctx context.Context) (*alipay.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return l.w.o.Gateway.Connect(ctx)
}

// unsendable deals with a shipment that cannot be put into a request: its account's charset lacks a
// character, say. No wait mends that.
func (l *lane) unsendable(ctx context.Context, row ledger.Row, why error) (done bool, err error) {
	move := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonIllegalArgument, Detail: "cannot be sent: " + why.Error()}
	l.step(StepSettle)
	dead, err := l.w.o.Book.Settle(ctx, row, move, l.w.o.Name)
	if err != nil {
		return false, err
	}
	l.step(StepSettled)
	l.moved(ctx, dead, move.Detail)
	return true, nil
}

// observe takes the measurements of a ship call; silent is its anchor if no answer began to arrive.
func (l *lane) observe(row ledger.Row, r alipay.Result, silent time.Time) {
	end := time.Now()
	var gap time.Duration
	if r.Sent {
		anchor := r.FirstByte
		if anchor.IsZero() {
			anchor = silent
		}
		l.local.Anchor(anchor)
		written := end.Add(-r.Duration)
		l.mu.Lock()
		if !l.lastCall.IsZero() {
			gap = written.Sub(l.lastCall)
		}
		l.lastCall = written
		l.mu.Unlock()
	}
	l.metrics().called(l.partner, alipay.ServiceShip, r.Answer, r.Duration)
	l.metrics().gapped(gap, l.a().Interval)
	if r.LateBy > 0 {
		l.metrics().late.Inc()
		l.w.o.Log.Error().Stringer("shipment", row.Key()).Dur("late_by", r.LateBy).
			Msg("a request was written after its window: this process was stopped at the wrong moment")
	}
	l.w.o.Log.Info().Stringer("shipment", row.Key()).Stringer("outcome", r.Outcome).Str("code", r.Code).
		Str("status", r.TradeStatus).Dur("took_ms", r.Duration).Dur("gap_ms", gap).Bool("sent", r.Sent).AnErr("why", r.Err).Msg("ship call")
	l.emit(Event{Kind: EventCalled, Shipment: row.Shipment, Code: r.Code, Status: r.TradeStatus, Gap: gap, Detail: errorText(r.Err)})
}

// finish records the answer and follows it to the belt.
func (l *lane) finish(ctx context.Context, j *job, begun ledger.Row, r alipay.Result) (done bool, err error) {
	l.step(StepFinish)
	f := facts{Row: begun, Delay: l.w.o.Retry.after(begun.Failures + 1), OthersPass: j.othersPass}
	move := afterShip(f, r.Answer)
	if move.RefundStatus == "" {
		move.RefundStatus = j.pre.refund
	}
	finished, err := l.persistAnswer(ctx, begun, r, move)
	if err != nil {
		return false, err
	}
	l.step(StepFinished)
	row := finished.Row
	switch {
	case !r.Sent:
		if errors.Is(r.Err, alipay.ErrWindowClosed) {
			l.w.o.Log.Warn().Dur("window", l.windowMissed()).Msg("the ledger was too slow for the write window; nothing was sent, the window is wider now")
		}
		return false, errAgain // still in hand
	case finished.Late:
		l.w.o.Log.Warn().Stringer("shipment", row.Key()).Msg("an answer came after the fence; it was added to the record")
		return true, nil
	case row.State == shipment.Calling:
		return true, nil // rescue takes it after the fence
	case row.Barred:
		if row, err = l.gatherEvidence(ctx, row); err != nil && !errors.Is(err, ledger.ErrStale) {
			l.w.o.Log.Warn().Err(err).Stringer("shipment", row.Key()).Msg("no query for the evidence is on record; it will be made")
		}
	}
	l.moved(ctx, row, move.Detail)
	return true, nil
}

// persistAnswer keeps trying while the ledger is away: an answer that is forgotten puts the shipment in
// doubt.
func (l *lane) persistAnswer(ctx context.Context, begun ledger.Row, r alipay.Result, move ledger.Move) (ledger.Finished, error) {
	answered := r.Sent && r.Complete && !r.FirstByte.IsZero()
	answer := Recorded(r.Answer, r.Duration)
	if !r.Sent {
		answer.Verdict = ledger.VerdictNotSent
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		f := ledger.Finish{
			Answer: answer, Move: move, NotSent: !r.Sent, Answered: answered, Interval: l.a().Interval,
			Health: healthOf(r.Answer), Probe: l.w.o.ProbeEvery, PauseMost: l.w.o.Retry.For,
		}
		if answered {
			f.Since = time.Since(r.FirstByte)
		}
		limited, cancel := context.WithTimeout(ctx, 15*time.Second)
		finished, err := l.w.o.Book.Finish(limited, begun, f)
		cancel()
		if err == nil {
			return finished, nil
		}
		l.w.o.Log.Error().Err(err).Stringer("shipment", begun.Key()).Msg("the answer cannot be recorded yet; trying on")
		if !l.w.pause(wait) {
			return ledger.Finished{}, err // Stop has given up waiting: the answer is in the log alone, and the row in doubt
		}
	}
}
