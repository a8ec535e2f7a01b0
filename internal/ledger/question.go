package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fahuo/internal/shipment"
)

// Question is one that a person wants Alipay asked about a trade. The desk has no key, so it writes the question
// down here, and any worker of the account answers it.
type Question struct {
	ID         int64
	Key        shipment.Key
	AskedAt    time.Time
	AskedBy    string
	TakenAt    time.Time // zero: no worker has it in hand
	AnsweredAt time.Time // zero: not answered
	Finds
}

// questionLease is how long a worker has for a question before another may take it: longer than a query takes.
const questionLease = 45 * time.Second

const questionColumns = `id, partner, trade_no, asked_at, asked_by, taken_at, answered_at, found, trade_status, code, error`

func scanQuestion(s scanner) (Question, error) {
	var q Question
	var asked, taken, answered int64
	err := s.Scan(&q.ID, &q.Key.Partner, &q.Key.TradeNo, &asked, &q.AskedBy, &taken, &answered, &q.Found, &q.TradeStatus, &q.Code, &q.Error)
	q.AskedAt, q.TakenAt, q.AnsweredAt = at(asked), at(taken), at(answered)
	return q, err
}

// Ask has Alipay queried about a shipment's trade. While a question about it is open there is no second one.
func (l *Ledger) Ask(ctx context.Context, k shipment.Key, actor string) error {
	return l.tx(ctx, "ask", func(t *tx) error {
		if _, err := t.get(k); err != nil {
			return err
		}
		// An index keeps a second one out, also when two ask at once.
		n, err := t.changed(`INSERT INTO questions (partner, trade_no, asked_at, asked_by) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			k.Partner, k.TradeNo, t.now, actor)
		if err != nil || n == 0 {
			return err
		}
		return t.enter(entry{key: k, actor: actor, act: ActAsk, audit: true})
	})
}

// LastQuestion reads the newest question about a shipment. ErrNotFound when there was none.
func (l *Ledger) LastQuestion(ctx context.Context, k shipment.Key) (Question, error) {
	q, err := first(ctx, l, scanQuestion, `SELECT `+questionColumns+` FROM questions WHERE partner = ? AND trade_no = ? ORDER BY id DESC LIMIT 1`,
		k.Partner, k.TradeNo)
	return q, orNotFound(err, "a question about shipment "+k.String())
}

// TakeQuestions takes open questions about the given accounts in hand, at most one of each account, the oldest
// first; nobody else gets them for a while, after which they count as forgotten.
func (l *Ledger) TakeQuestions(ctx context.Context, partners []string) ([]Question, error) {
	now, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	forgotten := now - questionLease.Microseconds()
	c := &conditions{}
	c.add("answered_at = 0")
	c.add("taken_at <= ?", forgotten)
	c.among("partner", partners)
	where, args := c.where()
	open, err := list(ctx, l, scanQuestion, `SELECT `+questionColumns+` FROM questions WHERE `+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	var taken []Question
	for _, q := range open {
		if slices.ContainsFunc(taken, func(other Question) bool { return other.Key.Partner == q.Key.Partner }) {
			continue
		}
		err := l.takeQuestion(ctx, &q, forgotten)
		switch {
		case errors.Is(err, ErrStale): // another worker was faster
		case err != nil:
			return taken, err
		default:
			taken = append(taken, q)
		}
	}
	return taken, nil
}

// takeQuestion takes one that nobody has had in hand since forgotten. ErrStale when somebody has, or it is answered.
func (l *Ledger) takeQuestion(ctx context.Context, q *Question, forgotten int64) error {
	return l.tx(ctx, "take_question", func(t *tx) error {
		q.TakenAt = at(t.now)
		return t.one(ErrStale, `UPDATE questions SET taken_at = ? WHERE id = ? AND answered_at = 0 AND taken_at <= ?`, t.now, q.ID, forgotten)
	})
}

// AnswerQuestion records what the query has found. A dead or closed shipment carries it from now on, unless it has been
// called since the question was taken in hand: what was so before a call is not what a person may go by after it.
// ErrStale when the question has been answered meanwhile.
func (l *Ledger) AnswerQuestion(ctx context.Context, q Question, f Finds, actor string) error {
	return l.tx(ctx, "answer_question", func(t *tx) error {
		err := t.one(ErrStale, `UPDATE questions SET answered_at = ?, found = ?, trade_status = ?, code = ?, error = ? WHERE id = ? AND answered_at = 0`,
			t.now, string(f.Found), f.TradeStatus, f.Code, printable(f.Error), q.ID)
		if err != nil {
			return err
		}
		row, err := t.get(q.Key)
		if err != nil {
			return err
		}
		outdated, err := t.calledSince(q)
		if err != nil {
			return err
		}
		version := int64(0)
		if f.Found != "" && !outdated && (row.State == shipment.Dead || row.State == shipment.Closed) {
			version = row.Version + 1
			err := t.one(ErrStale, `UPDATE shipments SET found = ?, found_at = ?, trade_status = ?, refund_status = ?, version = version + 1,
				changed_at = ?, feed = CASE WHEN state = 'dead' THEN 1 ELSE feed END WHERE id = ? AND version = ?`,
				string(f.Found), t.now, f.TradeStatus, f.RefundStatus, t.now, row.ID, row.Version)
			if err != nil {
				return err
			}
		}
		return t.record(q.Key, actor, ActChecked, "", "", version, f.text())
	})
}

// calledSince tells whether a ship call was begun since a question was taken in hand.
func (t *tx) calledSince(q Question) (bool, error) {
	since := q.TakenAt
	if since.IsZero() {
		since = q.AskedAt
	}
	var n int64
	err := t.row(`SELECT COUNT(*) FROM calls WHERE partner = ? AND trade_no = ? AND fence_at > 0 AND begun_at >= ?`,
		q.Key.Partner, q.Key.TradeNo, micros(since)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return n > 0, nil
}
