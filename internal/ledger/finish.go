package ledger

import (
	"context"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// Move is what becomes of a shipment: after a call, after a query, after a wait.
type Move struct {
	To shipment.State // Queued, Shipped, Dead; Calling: stays as it is until its fence

	Delay  time.Duration // Queued: not before now + Delay
	Doubt  bool          // Queued, Calling: the call may have shipped it
	Failed bool          // counts as a failed attempt

	Reason       shipment.Reason // Dead
	Found        Finding         // Dead: what a query has found, if that is why
	Bar          bool            // Dead: Alipay has refused it for good (C1)
	Code         string          // Alipay's code behind the move
	TradeStatus  string
	RefundStatus string
	UnlistedCode string // Calling: a code that nobody knows, to be settled by query

	HoldAccount bool   // hold the account, for Code, in the same transaction
	Detail      string // for the history

	queried bool // a query led to it, not a call
}

// Finish is what is to be recorded when a call is over.
type Finish struct {
	Answer   Answer
	Move     Move
	NotSent  bool          // certainly not one byte was written: the attempt does not count
	Answered bool          // the first byte of an answer came, and the gateway is done with the call
	Since    time.Duration // Answered: how long ago the first byte came (the anchor)
	Interval time.Duration // Answered: the account opens one interval after the anchor; the announced one if that is larger
	Health   Health        // what the call tells about Alipay's side
	Probe    time.Duration // a slowed account opens no sooner than this after the anchor; 0: ProbeEvery
	// PauseMost is for how long being slowed keeps the account's retry budgets from running. 0: without end.
	PauseMost time.Duration
}

// Finished is what Finish has done.
type Finished struct {
	Row  Row
	Late bool // the token was lost before: only appended, raised, or a fact recorded
}

// Finish records the answer to the call that Begin returned, moves the shipment on and gives the
// slot back, in one transaction. It may be repeated: the second time changes nothing.
//
// Without an answer the account stays closed and the row calling until the fence. When the token was
// lost, the answer is appended; a verified success makes the row shipped, a final refusal makes it dead and
// barred, and a code that nobody knows is kept for the next query, if it is queued or calling; the account's
// opening time may only rise.
func (l *Ledger) Finish(ctx context.Context, begun Row, f Finish) (Finished, error) {
	var done Finished
	err := l.tx(ctx, "finish", func(t *tx) error {
		done = Finished{} // it may run again
		first, err := t.complete(begun.Token, f.Answer)
		if err != nil {
			return err
		}
		row, err := t.get(begun.Key())
		if err != nil {
			return err
		}
		if first {
			if done.Late, err = t.finish(row, begun, f); err != nil {
				return err
			}
		}
		done.Row, err = t.get(begun.Key())
		return err
	})
	return done, err
}

func (t *tx) finish(row, begun Row, f Finish) (late bool, err error) {
	var actor string
	var begunAt int64
	if err := t.row(`SELECT worker, begun_at FROM calls WHERE id = ?`, begun.Token).Scan(&actor, &begunAt); err != nil {
		return false, fmt.Errorf("ledger: call %d: %w", begun.Token, err)
	}
	mine := row.State == shipment.Calling && row.Token == begun.Token
	// Alipay's notification may be faster than its answer: the row went from this very call to shipped, and the call
	// is none the later for it.
	overtaken := row.State == shipment.Shipped && row.Version == begun.Version+1
	if mine || overtaken { // what came late tells of the past
		if err := t.health(begun, f, actor); err != nil {
			return false, err
		}
	}
	if err := t.shipSign(begun.Partner, f.Answer); err != nil {
		return false, err
	}
	if err := t.giveBack(begun.Partner, begun.Token, begunAt, f); err != nil {
		return false, err
	}
	switch {
	case mine && f.NotSent:
		return false, t.unsend(row, actor)
	case mine:
		return false, t.move(row, f.Move, actor)
	case overtaken:
		return false, t.append(row, f, "after it was known to be shipped: ", actor)
	}
	if err := t.exec(`UPDATE calls SET late = 1 WHERE id = ?`, begun.Token); err != nil {
		return true, err
	}
	return true, t.append(row, f, "late answer: ", actor)
}

// giveBack opens the account one interval after the anchor, or at once when nothing was sent. By
// the token: one who has lost it may only raise the time, and whoever has it then does not open the account
// sooner. How long the answer took goes into the account's mean, for ETA.
func (t *tx) giveBack(partner string, token, begunAt int64, f Finish) error {
	var interval, floor, openAt, took, slowed int64
	err := t.row(`SELECT interval_us, floor_at, open_at, answer_us, slowed_at FROM accounts WHERE partner = ?`, partner).
		Scan(&interval, &floor, &openAt, &took, &slowed)
	if err != nil {
		return fmt.Errorf("ledger: account %s: %w", partner, err)
	}
	if f.Answered {
		took = meanAnswer(took, t.now-f.Since.Microseconds()-begunAt)
	}
	if slowed != 0 {
		interval = max(interval, orProbeEvery(f.Probe).Microseconds())
	}
	open := t.now
	switch {
	case f.NotSent:
	case f.Answered:
		open = t.now - f.Since.Microseconds() + max(f.Interval.Microseconds(), interval) + 1 // rounded up
	default:
		return nil // closed until the fence
	}
	n, err := t.changed(`UPDATE accounts SET open_at = ?, token = 0, answer_us = ? WHERE partner = ? AND token = ?`,
		max(open, floor), took, partner, token)
	if err != nil || n == 1 || f.NotSent {
		return err
	}
	return t.exec(`UPDATE accounts SET open_at = ?, floor_at = ? WHERE partner = ?`, max(open, openAt), max(open, floor), partner)
}

// unsend takes an attempt back that was certainly never written. The holder still has the shipment
// in hand; doubt is what it was before.
func (t *tx) unsend(row Row, actor string) error {
	err := t.one(ErrStale, `UPDATE shipments SET state = 'queued', version = version + 1, changed_at = ?, token = 0,
		fence_at = 0, begun = 1, sent_attempts = sent_attempts - 1 WHERE id = ? AND version = ?`, t.now, row.ID, row.Version)
	if err != nil {
		return err
	}
	return t.record(row.Key(), actor, ActNotSent, shipment.Calling, shipment.Queued, row.Version+1, "not sent")
}

// append deals with an answer that came after the row had been taken over, or moved on.
func (t *tx) append(row Row, f Finish, how, actor string) error {
	if f.NotSent { // it was counted as one that may have been sent
		err := t.exec(`UPDATE shipments SET sent_attempts = sent_attempts - 1 WHERE id = ? AND sent_attempts > 0`, row.ID)
		if err != nil {
			return err
		}
		f.Move = Move{Detail: "not sent"}
	}
	if f.Move.HoldAccount {
		if _, err := t.hold(row.Partner, f.Move.hold(), actor); err != nil {
			return err
		}
	}
	open := row.State == shipment.Queued || row.State == shipment.Calling
	f.Move.HoldAccount = false
	f.Move.Detail = how + f.Move.Detail
	switch {
	case open && f.Move.To == shipment.Shipped:
		return t.move(row, f.Move, actor)
	case open && f.Move.To == shipment.Dead:
		f.Move.Bar = true
		return t.move(row, f.Move, actor)
	case open && f.Move.UnlistedCode != "":
		// A new version: who has read the row would call again, without knowing of the code.
		err := t.exec(`UPDATE shipments SET unlisted_code = ?, version = version + 1, changed_at = ? WHERE id = ?`,
			f.Move.UnlistedCode, t.now, row.ID)
		if err != nil {
			return err
		}
	}
	return t.record(row.Key(), actor, ActLateAnswer, "", "", 0, f.Move.Detail)
}

// Settle moves a queued shipment on without a call: by what a query said, or back in line.
// ErrStale when it is not queued at the version that was read.
func (l *Ledger) Settle(ctx context.Context, r Row, m Move, actor string) (Row, error) {
	var settled Row
	err := l.tx(ctx, "settle", func(t *tx) error {
		row, err := t.get(r.Key())
		if err != nil {
			return err
		}
		if row.State != shipment.Queued || row.Version != r.Version || row.ID != r.ID {
			return ErrStale
		}
		m.queried = true
		if err := t.move(row, m, actor); err != nil {
			return err
		}
		settled, err = t.get(r.Key())
		return err
	})
	return settled, err
}

// move changes a shipment's row, in the transaction that has read it.
func (t *tx) move(row Row, m Move, actor string) error {
	if m.To != row.State && !row.State.CanBecome(m.To) {
		return fmt.Errorf("ledger: %s cannot go from %s to %s", row.Key(), row.State, m.To)
	}
	token, fence, notBefore := int64(0), int64(0), int64(0)
	if m.To == shipment.Calling {
		token, fence = row.Token, row.FenceAt.UnixMicro()
	}
	if m.To == shipment.Queued {
		notBefore = t.now + m.Delay.Microseconds()
	}
	settled, found := int64(0), int64(0)
	if m.To == shipment.Dead || m.To == shipment.Shipped {
		settled = t.now
	}
	if m.Found != "" {
		found = t.now
	}
	feed := m.To == shipment.Queued || m.To == shipment.Dead || row.DeadTask
	// The account's row before the shipment's, as in Begin: two transactions that want both must not wait for
	// each other.
	if err := t.accountAfter(row.Partner, m, actor); err != nil {
		return err
	}
	err := t.one(ErrStale, `UPDATE shipments SET state = ?, version = version + 1, changed_at = ?, token = ?, fence_at = ?,
		not_before = ?, doubt = ?, begun = 1, failures = failures + ?, holds = holds + ?, barred = ?, reason = ?, error_code = ?,
		trade_status = ?, refund_status = CASE WHEN ? = '' THEN refund_status ELSE ? END, unlisted_code = ?, feed = ?,
		settled_at = ?, found = ?, found_at = ? WHERE id = ? AND version = ?`,
		string(m.To), t.now, token, fence, notBefore, bit(m.Doubt), bit(m.Failed), bit(m.HoldAccount), bit(m.Bar), string(m.Reason),
		m.Code, m.TradeStatus, m.RefundStatus, m.RefundStatus, m.UnlistedCode, bit(feed), settled, string(m.Found), found, row.ID, row.Version)
	if err != nil {
		return err
	}
	return t.record(row.Key(), actor, m.act(), row.State, m.To, row.Version+1, m.Detail)
}

// accountAfter does to the account what a move means for it.
func (t *tx) accountAfter(partner string, m Move, actor string) error {
	switch {
	case m.HoldAccount:
		_, err := t.hold(partner, m.hold(), actor)
		return err
	case m.To == shipment.Dead:
		return t.died(partner, m.Code, actor)
	case m.To == shipment.Shipped:
		if err := t.well(partner, actor); err != nil {
			return err
		}
		return t.lived(partner)
	}
	return nil
}
