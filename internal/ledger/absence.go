package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The time in which nobody could call, because this ledger was away or no worker ran, is nobody's retry budget: it
// counts as if the account had been on hold. It began with the last sign of life: a worker said that it uses the
// belt, a call was begun, a hold was lifted, an account was brought back to its full pace. It is credited by whatever comes first after it, and until then it is
// reckoned with (Spent). A ledger that is merely slow is not away: less than the lease of a belt is no absence.

// absence is what of the time from the last sign of life until now, or until the account was paused, counts.
func absence(now, seen, alive, paused int64) int64 {
	end := now
	if paused != 0 {
		end = paused
	}
	if seen == 0 || end-max(seen, alive) < BeltLease.Microseconds() {
		return 0
	}
	return end - max(seen, alive)
}

// credit takes an account's absence out of every retry budget; an empty partner stands for every account's.
func (t *tx) credit(seen int64, partner string) error {
	if seen == 0 {
		return nil
	}
	// absence, for every database.
	const end, from = `CASE WHEN paused_at = 0 THEN ? ELSE paused_at END`, `CASE WHEN alive_at > ? THEN alive_at ELSE ? END`
	return t.exec(`UPDATE accounts SET held_us = held_us + (`+end+`) - (`+from+`) WHERE (`+end+`) - (`+from+`) >= ? AND (? = '' OR partner = ?)`,
		t.now, seen, seen, t.now, seen, seen, BeltLease.Microseconds(), partner, partner)
}

// lastWord is when a worker last said that it uses the belt; 0: none ever has.
func (b beltRow) lastWord() int64 {
	if b.Worker == "" {
		return 0
	}
	return b.Seen
}

func (t *tx) seen() (int64, error) {
	known, err := t.belt()
	return known.lastWord(), err
}

// Spent is how much of a shipment's retry budget is used, as Account.Spent, but with the absence taken out that
// nobody has credited yet: the first who comes after it must not find every budget used up.
func (l *Ledger) Spent(ctx context.Context, r Row) (time.Duration, error) {
	text, err := first(ctx, l, func(s scanner) (v string, err error) { return v, s.Scan(&v) }, selectBelt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	a, err := l.Account(ctx, r.Partner)
	if err != nil || r.budgetAt == 0 {
		return 0, err
	}
	return a.Spent(r) - time.Duration(absence(a.Now.UnixMicro(), parseBelt(text).lastWord(), a.aliveAt, a.pausedAt))*time.Microsecond, nil
}
