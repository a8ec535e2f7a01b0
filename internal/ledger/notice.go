package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// Notice is what Alipay has told by itself of a trade: a notification that has been verified. Two with the same
// account, id and content are the same one, whenever they were sent.
type Notice struct {
	Key          shipment.Key
	ID           string // notify_id
	Type         string // notify_type
	TradeStatus  string
	RefundStatus string
	Stage        int       // how far the trade has come, more for later; 0: nobody knows
	SentAt       time.Time // zero: not said

	RecordedAt time.Time // the ledger's; zero: not recorded yet
	Stale      bool      // the trade was known to be further when it came
}

// Effect is what a notice does to the shipment that it tells of. Its zero value: it is only recorded.
type Effect struct {
	Move   Move    // To empty: the shipment stays in its state
	Found  Finding // of one that is dead or closed: a person is shown it, and what may be done goes by it
	Refund bool    // the refund status is taken over
}

// Noticed is what Notified has done.
type Noticed struct {
	Again bool // it was on record; nothing was done
	Known bool // the ledger has a shipment of that trade
	Stale bool
	Row   Row  // Known: the shipment as it is now
	Moved bool // its state has changed
}

// OnRecord tells whether a notice is recorded, so that Alipay need not be asked about it again.
func (l *Ledger) OnRecord(ctx context.Context, n Notice) (bool, error) {
	count, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM notifications
		WHERE partner = ? AND notify_id = ? AND type = ? AND trade_no = ? AND trade_status = ? AND refund_status = ?`,
		n.Key.Partner, n.ID, n.Type, n.Key.TradeNo, n.TradeStatus, n.RefundStatus)
	return count > 0, err
}

// Notified records a verified notification and does to its shipment what decide says, in one transaction. The same one
// counts once: the second time nothing is done. One that tells less than is known already is stale, is recorded, and
// decides nothing: notifications overtake each other. It may be repeated.
func (l *Ledger) Notified(ctx context.Context, n Notice, decide func(Row) Effect, actor string) (Noticed, error) {
	var done Noticed
	err := l.tx(ctx, "notified", func(t *tx) error {
		done = Noticed{} // it may run again
		var err error
		if done.Stale, err = t.stale(n); err != nil {
			return err
		}
		fresh, err := t.changed(`INSERT INTO notifications (at, partner, notify_id, type, trade_no, trade_status, refund_status, stage, sent_at, stale)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, t.now, n.Key.Partner, n.ID, n.Type, n.Key.TradeNo,
			n.TradeStatus, n.RefundStatus, n.Stage, micros(n.SentAt), bit(done.Stale))
		if err != nil {
			return err
		}
		done.Again = fresh == 0
		row, err := t.get(n.Key)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		done.Known, done.Row = true, row
		if err != nil || done.Again {
			return err
		}
		return t.notice(row, n, decide, actor, &done)
	})
	return done, err
}

// stale tells whether a trade was known to be further than a notice says, or as far by a later one.
func (t *tx) stale(n Notice) (bool, error) {
	var stage, sent int64
	err := t.row(`SELECT stage, sent_at FROM notifications WHERE partner = ? AND trade_no = ? ORDER BY stage DESC, sent_at DESC LIMIT 1`,
		n.Key.Partner, n.Key.TradeNo).Scan(&stage, &sent)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return stage > int64(n.Stage) || stage == int64(n.Stage) && sent > micros(n.SentAt), nil
}

// notice does what a notice says to the shipment that it tells of.
func (t *tx) notice(row Row, n Notice, decide func(Row) Effect, actor string, done *Noticed) error {
	var e Effect
	if !done.Stale {
		e = decide(row)
	}
	version := int64(0)
	if e.Found != "" && (row.State == shipment.Dead || row.State == shipment.Closed) {
		version = row.Version + 1
	}
	detail := n.TradeStatus
	if n.RefundStatus != "" {
		detail += " " + n.RefundStatus
	}
	if done.Stale {
		detail += " (older than what was known)"
	}
	if err := t.record(row.Key(), actor, ActNotified, "", "", version, detail); err != nil {
		return err
	}
	switch {
	case e.Move.To != "":
		done.Moved = true
		if err := t.move(row, e.Move, actor); err != nil {
			return err
		}
	case version != 0:
		err := t.one(ErrStale, `UPDATE shipments SET found = ?, found_at = ?, trade_status = ?, refund_status = ?, version = version + 1,
			changed_at = ?, feed = CASE WHEN state = 'dead' THEN 1 ELSE feed END WHERE id = ? AND version = ?`,
			string(e.Found), t.now, n.TradeStatus, n.RefundStatus, t.now, row.ID, row.Version)
		if err != nil {
			return err
		}
	case e.Refund && row.RefundStatus != n.RefundStatus:
		// Not a new version: nobody decides upon it, and whoever has the shipment in hand need not look again.
		err := t.one(ErrStale, `UPDATE shipments SET refund_status = ? WHERE id = ? AND version = ?`, n.RefundStatus, row.ID, row.Version)
		if err != nil {
			return err
		}
	}
	var err error
	done.Row, err = t.get(row.Key())
	return err
}

// Notices lists what was notified about a trade, in the order in which it was recorded.
func (l *Ledger) Notices(ctx context.Context, k shipment.Key) ([]Notice, error) {
	return list(ctx, l, func(s scanner) (Notice, error) {
		n := Notice{Key: k}
		var recorded, sent int64
		err := s.Scan(&recorded, &n.ID, &n.Type, &n.TradeStatus, &n.RefundStatus, &n.Stage, &sent, &n.Stale)
		n.RecordedAt, n.SentAt = at(recorded), at(sent)
		return n, err
	}, `SELECT at, notify_id, type, trade_status, refund_status, stage, sent_at, stale FROM notifications
		WHERE partner = ? AND trade_no = ? ORDER BY id`, k.Partner, k.TradeNo)
}
