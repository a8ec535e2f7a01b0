package ledger

import (
	"context"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// Verdicts on a call that are the ledger's own; the others are the worker's words.
const (
	VerdictNotSent = "not_sent" // certainly never written
)

// Answer is what is recorded of an answer. Keys and signatures are never in it, buyer's data is
// masked before it comes here (A2).
type Answer struct {
	Verdict      string
	HTTPStatus   int
	Code         string
	TradeStatus  string
	RefundStatus string
	Verified     bool
	Unverified   bool // a success whose signature is missing or wrong
	Body         string
	Error        string
	Duration     time.Duration
}

// Call is one call of the gateway, as recorded (R3).
type Call struct {
	ID         int64
	Service    string
	Worker     string
	Attempt    int64
	BegunAt    time.Time
	FenceAt    time.Time // ship calls: until then the account was closed for it
	FinishedAt time.Time // zero: no answer recorded
	Params     string    // JSON
	Late       bool
	Answer
}

// RecordQuery writes down a query that is over.
func (l *Ledger) RecordQuery(ctx context.Context, k shipment.Key, service, worker, params string, a Answer) error {
	return l.tx(ctx, "record_query", func(t *tx) error {
		if err := t.querySign(k.Partner, a, worker); err != nil {
			return err
		}
		return t.exec(`INSERT INTO calls (partner, trade_no, service, worker, begun_at, finished_at, params, verdict,
			http_status, code, trade_status, refund_status, verified, answer, error, duration_us)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			k.Partner, k.TradeNo, service, worker, t.now-a.Duration.Microseconds(), t.now, params, a.Verdict, a.HTTPStatus,
			a.Code, a.TradeStatus, a.RefundStatus, bit(a.Verified), printable(a.Body), printable(a.Error), a.Duration.Microseconds())
	})
}

// complete writes the answer beside its attempt. It tells whether this is the first time: an answer
// whose commit was unclear is brought again.
func (t *tx) complete(token int64, a Answer) (first bool, err error) {
	n, err := t.changed(`UPDATE calls SET finished_at = ?, verdict = ?, http_status = ?, code = ?, trade_status = ?,
		refund_status = ?, verified = ?, answer = ?, error = ?, duration_us = ? WHERE id = ? AND finished_at = 0`,
		t.now, a.Verdict, a.HTTPStatus, a.Code, a.TradeStatus, a.RefundStatus, bit(a.Verified),
		printable(a.Body), printable(a.Error), a.Duration.Microseconds(), token)
	return n == 1, err
}

// Calls reads the calls made for a shipment, oldest first.
func (l *Ledger) Calls(ctx context.Context, k shipment.Key) ([]Call, error) {
	calls, err := list(ctx, l, func(s scanner) (Call, error) {
		var c Call
		var begun, fence, finished, duration int64
		err := s.Scan(&c.ID, &c.Service, &c.Worker, &c.Attempt, &begun, &fence, &finished, &c.Params, &c.Verdict, &c.HTTPStatus,
			&c.Code, &c.TradeStatus, &c.RefundStatus, &c.Verified, &c.Body, &c.Error, &duration, &c.Late)
		c.BegunAt, c.FenceAt, c.FinishedAt, c.Duration = at(begun), at(fence), at(finished), time.Duration(duration)*time.Microsecond
		return c, err
	}, `SELECT id, service, worker, attempt, begun_at, fence_at, finished_at, params, verdict, http_status, code, trade_status,
		refund_status, verified, answer, error, duration_us, late FROM calls
		WHERE partner = ? AND trade_no = ? ORDER BY id`, k.Partner, k.TradeNo)
	if err != nil {
		return nil, fmt.Errorf("calls of %s: %w", k, err)
	}
	return calls, nil
}
