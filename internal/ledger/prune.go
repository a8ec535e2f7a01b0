package ledger

import (
	"context"
	"strconv"
	"time"

	"fahuo/internal/shipment"
)

// PruneLeast is the youngest age from which on calls may be forgotten: the evidence in a dispute with a buyer or with
// Alipay is needed for weeks.
const PruneLeast = 30 * 24 * time.Hour

// prunePage is how many calls are looked at in one transaction: workers get the ledger in between.
const prunePage = 2000

// Prune forgets the calls that were begun longer ago than age, with what Alipay answered, of shipments that are
// shipped or closed; those of open cases stay. dry only counts them. What became of each shipment stays in its row
// and its history. It may be interrupted and run again.
func (l *Ledger) Prune(ctx context.Context, age time.Duration, dry bool, actor string) (calls int64, err error) {
	now, err := l.now(ctx)
	if err != nil {
		return 0, err
	}
	before := now - age.Microseconds()
	const old = ` FROM calls c JOIN shipments s ON s.partner = c.partner AND s.trade_no = c.trade_no
		WHERE c.id > ? AND c.id <= ? AND c.begun_at < ? AND c.finished_at <> 0 AND s.state IN ('shipped', 'closed')`
	for from := int64(0); ; {
		// Calls are in the order of their ids, nearly: a query gets its id when it is over.
		to, err := first(ctx, l, scanCount, `SELECT COALESCE(MAX(id), 0) FROM
			(SELECT id FROM calls WHERE id > ? ORDER BY id LIMIT ?) page`, from, prunePage)
		if err != nil {
			return calls, err
		}
		if to == 0 {
			break
		}
		young, err := first(ctx, l, scanCount, `SELECT COALESCE(MIN(begun_at), 0) FROM calls WHERE id > ? AND id <= ?`, from, to)
		if err != nil {
			return calls, err
		}
		if young >= before {
			break
		}
		n, err := l.prunePage(ctx, old, from, to, before, dry)
		if calls += n; err != nil {
			return calls, err
		}
		from = to
	}
	if calls == 0 || dry {
		return calls, nil
	}
	return calls, l.tx(ctx, "prune", func(t *tx) error {
		return t.enter(entry{key: shipment.Key{}, actor: actor, act: ActPrune, after: values(map[string]string{
			"calls": strconv.FormatInt(calls, 10), "before": at(before).UTC().Format(time.RFC3339),
		}), audit: true})
	})
}

func (l *Ledger) prunePage(ctx context.Context, old string, from, to, before int64, dry bool) (n int64, err error) {
	if dry {
		return first(ctx, l, scanCount, `SELECT COUNT(*)`+old, from, to, before)
	}
	err = l.tx(ctx, "prune", func(t *tx) error {
		var err error
		n, err = t.changed(`DELETE FROM calls WHERE id IN (SELECT c.id`+old+`)`, from, to, before)
		return err
	})
	return n, err
}
