package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// Attempt is what Begin needs to know of a call that is to be made.
type Attempt struct {
	Service string
	Worker  string
	Params  string        // JSON, without sign and key
	Fence   time.Duration // H: how long the row and the slot are the caller's, from the ledger's now

	// Interval is the one from which Fence was reckoned: should a larger one have been announced for the account,
	// the fence is as much later. Zero: Fence is meant as it is.
	Interval time.Duration

	// Probe is how long a slowed account stays closed from now on, should that be later than the fence. 0: ProbeEvery.
	Probe time.Duration
}

// Begin takes the account's slot and the shipment, in one transaction: both or neither (U2, U7).
//
// It succeeds when the account is not on hold and open, and the row is still queued at the version
// that was read, not barred and due. Then the account is closed until now + Fence, the row is
// calling, and the attempt is written. The returned row carries the token.
//
// ErrSlotClosed, ErrHeld and ErrStale leave everything as it was. After any other error the caller
// must not send: the transaction may have been committed all the same, and then the row is calling
// until its fence and is rescued after it.
func (l *Ledger) Begin(ctx context.Context, r Row, a Attempt) (Row, error) {
	var begun Row
	err := l.tx(ctx, "begin", func(t *tx) error {
		fence, err := t.fence(r.Partner, a)
		if err != nil {
			return err
		}
		var token int64
		err = t.row(`INSERT INTO calls (partner, trade_no, service, worker, attempt, begun_at, fence_at, params)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			r.Partner, r.TradeNo, a.Service, a.Worker, r.Attempt+1, t.now, fence, a.Params).Scan(&token)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if err := t.takeSlot(r.Partner, token, fence, t.now+orProbeEvery(a.Probe).Microseconds()); err != nil {
			return err
		}
		err = t.one(ErrStale, `UPDATE shipments SET state = 'calling', version = version + 1, changed_at = ?,
			attempt = attempt + 1, sent_attempts = sent_attempts + 1, token = ?, fence_at = ?, feed = 0,
			budget_at = CASE WHEN budget_at = 0 THEN ? ELSE budget_at END,
			budget_held = CASE WHEN budget_at = 0 THEN (SELECT held_us + CASE WHEN paused_at = 0 THEN 0 ELSE CAST(? AS BIGINT) - paused_at END
				FROM accounts WHERE accounts.partner = shipments.partner) ELSE budget_held END
			WHERE id = ? AND state = 'queued' AND version = ? AND barred = 0 AND not_before <= ?`,
			t.now, token, fence, t.now, t.now, r.ID, r.Version, t.now)
		if err != nil {
			return err
		}
		err = t.record(r.Key(), a.Worker, ActBegun, shipment.Queued, shipment.Calling, r.Version+1, fmt.Sprintf("attempt %d", r.Attempt+1))
		if err != nil {
			return err
		}
		begun, err = t.get(r.Key())
		return err
	})
	return begun, err
}

// fence is when a call that is begun now is over at the latest. Before it: whoever begins again after an absence
// ends it.
func (t *tx) fence(partner string, a Attempt) (int64, error) {
	var interval, alive int64
	if err := t.row(`SELECT interval_us, alive_at FROM accounts WHERE partner = ?`, partner).Scan(&interval, &alive); err != nil {
		return 0, fmt.Errorf("ledger: account %s: %w", partner, err)
	}
	if t.now-alive >= BeltLease.Microseconds() {
		seen, err := t.seen()
		if err == nil {
			err = t.credit(seen, partner)
		}
		if err != nil {
			return 0, err
		}
	}
	fence := t.now + a.Fence.Microseconds()
	if a.Interval > 0 {
		fence += max(0, interval-a.Interval.Microseconds())
	}
	return fence, nil
}

// takeSlot closes the account until the fence, a slowed one until its next probe, or says why it may not.
func (t *tx) takeSlot(partner string, token, fence, probe int64) error {
	err := t.one(ErrSlotClosed, `UPDATE accounts SET open_at = CASE WHEN slowed_at = 0 THEN CAST(? AS BIGINT) ELSE ? END, token = ?, alive_at = ?
		WHERE partner = ? AND held_at = 0 AND open_at <= ? AND `+named, fence, max(fence, probe), token, t.now, partner, t.now)
	if !errors.Is(err, ErrSlotClosed) {
		return err
	}
	var held int64
	if err := t.row(`SELECT held_at FROM accounts WHERE partner = ? AND `+named, partner).Scan(&held); err != nil {
		return fmt.Errorf("ledger: account %s: %w", partner, err)
	}
	if held != 0 {
		return ErrHeld
	}
	return ErrSlotClosed
}

// TakeOver makes a shipment whose call nobody has finished before its fence queued again, in doubt,
// to be looked at no sooner than in delay. Only after it may anything be concluded from a query: the
// one who began the call has lost its token and can write no more. ErrStale when the row is not
// calling at that version or its fence is ahead.
//
// The caller has the shipment in hand when inHand is set; otherwise the feeder puts it on the belt.
func (l *Ledger) TakeOver(ctx context.Context, r Row, delay time.Duration, actor string, inHand bool) (Row, error) {
	var taken Row
	err := l.tx(ctx, "take_over", func(t *tx) error {
		err := t.one(ErrStale, `UPDATE shipments SET state = 'queued', version = version + 1, changed_at = ?, token = 0,
			fence_at = 0, doubt = 1, begun = 1, failures = failures + 1, not_before = ?, feed = ?
			WHERE id = ? AND state = 'calling' AND version = ? AND fence_at <= ?`,
			t.now, t.now+delay.Microseconds(), bit(!inHand), r.ID, r.Version, t.now)
		if err != nil {
			return err
		}
		err = t.record(r.Key(), actor, ActTakenOver, shipment.Calling, shipment.Queued, r.Version+1, "no answer before the fence; to be queried")
		if err != nil {
			return err
		}
		taken, err = t.get(r.Key())
		return err
	})
	return taken, err
}

// Overdue lists shipments whose call was not finished before its fence.
func (l *Ledger) Overdue(ctx context.Context, most int) ([]Row, error) {
	now, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE state = 'calling' AND fence_at <= ? ORDER BY fence_at LIMIT ?`, now, most)
}
