package ledger

import (
	"context"
	"time"
)

// Unexamined lists shipments of an account that were refused for good and whose one query for the evidence
// was never made: the process ended in between (C1). Those refused a moment ago are still with their worker.
func (l *Ledger) Unexamined(ctx context.Context, partner, queryService string, age time.Duration) ([]Row, error) {
	now, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE partner = ? AND state = 'dead' AND barred = 1 AND trade_status = '' AND changed_at <= ?
		AND NOT EXISTS (SELECT 1 FROM calls q WHERE q.partner = shipments.partner AND q.trade_no = shipments.trade_no
			AND q.service = ? AND q.id > (SELECT COALESCE(MAX(s.id), 0) FROM calls s
				WHERE s.partner = shipments.partner AND s.trade_no = shipments.trade_no AND s.service <> ?))
		ORDER BY id LIMIT 10`, partner, now-age.Microseconds(), queryService, queryService)
}

// ClaimEvidence makes one of several workers the one who queries, for as long as Unexamined does not list the row
// again. ErrStale for the others.
func (l *Ledger) ClaimEvidence(ctx context.Context, r Row, actor string) (Row, error) {
	var claimed Row
	err := l.tx(ctx, "evidence", func(t *tx) error {
		err := t.one(ErrStale, `UPDATE shipments SET version = version + 1, changed_at = ?
			WHERE id = ? AND version = ? AND state = 'dead'`, t.now, r.ID, r.Version)
		if err != nil {
			return err
		}
		if err := t.record(r.Key(), actor, ActAskEvidence, "", "", r.Version+1, "makes the query for the evidence"); err != nil {
			return err
		}
		claimed, err = t.get(r.Key())
		return err
	})
	return claimed, err
}

// Evidence adds what the query after a refusal found to a dead shipment (C1).
func (l *Ledger) Evidence(ctx context.Context, r Row, e Finds, actor string) (Row, error) {
	var dead Row
	err := l.tx(ctx, "evidence", func(t *tx) error {
		err := t.one(ErrStale, `UPDATE shipments SET trade_status = ?, refund_status = ?, found = ?, found_at = ?,
			version = version + 1, changed_at = ?, feed = 1 WHERE id = ? AND version = ? AND state = 'dead'`,
			e.TradeStatus, e.RefundStatus, string(e.Found), t.now, t.now, r.ID, r.Version)
		if err != nil {
			return err
		}
		err = t.record(r.Key(), actor, ActEvidence, "", "", r.Version+1, "found by query: "+e.text())
		if err != nil {
			return err
		}
		dead, err = t.get(r.Key())
		return err
	})
	return dead, err
}
