package ledger

import (
	"cmp"
	"context"
	"math"
	"slices"

	"fahuo/internal/shipment"
)

// uncalled is what may still be cancelled.
const uncalled = ` AND state = 'queued' AND sent_attempts = 0`

// Uncalled counts what Cancel would close in the scope.
func (l *Ledger) Uncalled(ctx context.Context, s Scope) (int64, error) {
	where, args := s.where()
	return first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE `+where+uncalled, args...)
}

// Cancel closes the queued shipments in the scope that were never called, and returns those that it left, as they are
// afterwards. What comes into the scope meanwhile is left. Where there is nothing to close, nothing is entered either:
// nobody has cancelled anything.
//
// It is done in many transactions: in a single one over a large batch that is being shipped, PostgreSQL would always
// find a call begun in its way. After an error what is closed stays so; closed tells how much that is, and it may be
// repeated.
func (l *Ledger) Cancel(ctx context.Context, s Scope, actor string) (closed int64, left []Row, err error) {
	if closed, err = l.cancel(ctx, s, math.MaxInt64, actor); err != nil {
		return closed, nil, err
	}
	where, args := s.where()
	left, err = list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE `+where+` AND state <> 'closed' ORDER BY id`, args...)
	return closed, left, err
}

// CancelShown is Cancel for somebody who was shown how many it would be. ErrStale when there are more by now; then none
// is closed.
func (l *Ledger) CancelShown(ctx context.Context, s Scope, shown int64, actor string) (closed int64, err error) {
	return l.cancel(ctx, s, shown, actor)
}

// cancel closes what is uncalled now, the first in line first: it would be called first.
func (l *Ledger) cancel(ctx context.Context, s Scope, most int64, actor string) (closed int64, err error) {
	where, args := s.where()
	ids, err := list(ctx, l, scanCount, `SELECT id FROM shipments WHERE `+where+uncalled+` ORDER BY id`, args...)
	if err != nil {
		return 0, err
	}
	if int64(len(ids)) > most {
		return 0, ErrStale
	}
	for page := range slices.Chunk(ids, bulkPage) {
		var some int64
		err := l.tx(ctx, "cancel", func(t *tx) error {
			some, err = t.cancel(s, page, closed == 0, actor)
			return err
		})
		if err != nil {
			return closed, err
		}
		closed += some
	}
	return closed, nil
}

// cancel closes those of some shipments that nobody has called yet. The first that are closed have the line of the act
// before their own.
func (t *tx) cancel(s Scope, ids []int64, first bool, actor string) (closed int64, err error) {
	rows, err := listIn(t.ctx, t.Tx, t.dialect, scanCancelled, `UPDATE shipments SET state = 'closed', version = version + 1, changed_at = ?,
		settled_at = ?, not_before = 0, doubt = 0, feed = dead_task WHERE id IN (`+marks(len(ids))+`)`+uncalled+` RETURNING id, partner, trade_no, version`,
		append([]any{t.now, t.now}, anys(ids)...)...)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return int64(len(rows)), t.gather(func() error {
		if first {
			whose := shipment.Key{Partner: s.Partner, TradeNo: s.TradeNo}
			if err := t.enter(entry{key: whose, actor: actor, act: ActCancel, detail: s.Batch, audit: true}); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if err := t.record(r.Key(), actor, ActCancel, shipment.Queued, shipment.Closed, r.Version, "cancelled"); err != nil {
				return err
			}
		}
		return nil
	})
}

// scanCancelled reads what of a shipment its line of history tells.
func scanCancelled(s scanner) (r Row, err error) {
	return r, s.Scan(&r.ID, &r.Partner, &r.TradeNo, &r.Version)
}
