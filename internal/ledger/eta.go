package ledger

import (
	"context"
	"errors"
	"time"
)

// When a queue will be empty is reckoned from what a call costs: the next one opens an interval after the answer
// to the one before (U2), so it is the interval and the time that answers take.

// lookForWork is how long a lane that is idle takes until it calls: it looks for tasks every second, half of that on
// average, and asks Alipay about the trade first.
const lookForWork = 600 * time.Millisecond

// meanAnswer takes one more answer's time into an account's mean, microseconds; the last eight or so count.
func meanAnswer(mean, took int64) int64 {
	const weight = 8
	took = max(took, 1) // a clock set back
	if mean == 0 {
		return took
	}
	return (mean*(weight-1) + took) / weight
}

// pace is what a call costs. Of an account that was never answered it is assumed that answers take 4 % of the
// interval, 400 ms of 10 s: that is 5 % off at most as long as they take less than 900.
func (a Account) pace() time.Duration {
	if a.answer == 0 {
		return a.Interval + a.Interval*4/100
	}
	return a.Interval + a.answer
}

// reckon is when the n-th call from now will be begun, if nothing fails and the account is not on hold. The call in
// flight does not count among them.
func (a Account) reckon(n int64) time.Time {
	if n <= 0 {
		return a.Now
	}
	pace := a.pace()
	next := a.OpenAt
	if a.InFlight { // OpenAt is its fence then
		next = at(a.aliveAt).Add(pace)
	}
	if next.Before(a.Now) {
		next = a.Now
		if !a.InFlight {
			next = next.Add(lookForWork)
		}
	}
	return next.Add(time.Duration(n-1) * pace)
}

// inLine is what takes a slot yet: what is queued, and what was called and not answered before its fence.
const inLine = `(state = 'queued' OR (state = 'calling' AND fence_at <= ?))`

// ETA is when the last queued shipment in the scope will have been called if nothing fails: what is
// ahead of it in its account's line counts. ok is false when nothing is queued or
// an account concerned is on hold, slowed or unknown, so that nobody can say.
func (l *Ledger) ETA(ctx context.Context, s Scope) (eta time.Time, ok bool, err error) {
	where, args := s.where()
	type tail struct {
		partner string
		urgent  bool  // nothing but urgent ones
		last    int64 // of those not urgent, or of all: urgent ones come first, so it is called last
	}
	tails, err := list(ctx, l, func(s scanner) (v tail, err error) { return v, s.Scan(&v.partner, &v.urgent, &v.last) },
		`SELECT partner, MIN(urgent), COALESCE(MAX(CASE WHEN urgent = 0 THEN id END), MAX(id)) FROM shipments
		WHERE `+where+` AND state IN ('queued', 'calling') GROUP BY partner`, args...)
	if err != nil || len(tails) == 0 {
		return time.Time{}, false, err
	}
	for _, t := range tails {
		account, err := l.Account(ctx, t.partner)
		if errors.Is(err, ErrNotFound) {
			return time.Time{}, false, nil // nobody has announced it: there is no pace to reckon with
		}
		if err != nil || account.Hold != nil || account.Slowed != nil {
			return time.Time{}, false, err
		}
		ahead, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE partner = ? AND `+inLine+`
			AND (urgent > ? OR begun = 1 OR (urgent = ? AND id <= ?))`, t.partner, account.Now.UnixMicro(), bit(t.urgent), bit(t.urgent), t.last)
		if err != nil {
			return time.Time{}, false, err
		}
		if end := account.reckon(ahead); end.After(eta) {
			eta = end
		}
	}
	return eta, true, nil
}

// More is how many shipments would come into an account's line.
type More struct{ Urgent, Rest int64 }

// ETAOfMore is ETA for shipments that are not accepted yet, by partner: when the last of them would have been called if
// they were accepted now. ok is as for ETA.
func (l *Ledger) ETAOfMore(ctx context.Context, more map[string]More) (eta time.Time, ok bool, err error) {
	for partner, m := range more {
		account, err := l.Account(ctx, partner)
		if errors.Is(err, ErrNotFound) {
			return time.Time{}, false, nil
		}
		if err != nil || account.Hold != nil || account.Slowed != nil {
			return time.Time{}, false, err
		}
		// Those that are not urgent go behind everything, urgent ones ahead of what is neither urgent nor begun.
		ahead, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE partner = ? AND `+inLine+` AND (urgent >= ? OR begun = 1)`,
			partner, account.Now.UnixMicro(), bit(m.Rest == 0))
		if err != nil {
			return time.Time{}, false, err
		}
		if end := account.reckon(ahead + m.Urgent + m.Rest); end.After(eta) {
			eta = end
		}
	}
	return eta, len(more) > 0, nil
}

// EmptyBy is when the queue will be empty if nothing fails: when the last one will have had its slot; not before the
// last retry is due. ok is false when nothing waits, or the account is on hold or slowed, so that nobody can say.
func (s Standing) EmptyBy() (end time.Time, ok bool) {
	waiting := s.Queued + s.Calling
	if waiting == 0 || s.Hold != nil || s.Slowed != nil {
		return time.Time{}, false
	}
	if s.InFlight {
		waiting--
	}
	end = s.reckon(waiting)
	if s.LastDue.After(end) {
		end = s.LastDue
	}
	return end.Add(s.pace()), true
}
