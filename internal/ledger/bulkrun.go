package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"fahuo/internal/shipment"
)

// StartBulk has an act that was shown done, or (undo) taken back. ErrStale when it is not in a state for that:
// then it is under way or done already, or still being made.
func (l *Ledger) StartBulk(ctx context.Context, id int64, undo bool, actor string) error {
	from, to, act := BulkPreview, BulkRunning, Act("")
	if undo {
		from, to, act = BulkDone, BulkUndoing, ActUndoClose
	}
	return l.tx(ctx, "bulk", func(t *tx) error {
		b, err := t.bulk(id)
		if err != nil {
			return err
		}
		if undo && b.Act != ActClose {
			return ErrStale
		}
		if act == "" {
			act = b.Act
		}
		todo := ""
		if undo {
			todo = outcomeDone
		}
		var over int64
		if err := t.row(`SELECT COUNT(*) FROM bulk_items WHERE bulk = ? AND outcome = ?`, id, todo).Scan(&over); err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		err = t.enter(entry{
			actor: actor, act: act, detail: b.Argument, audit: true, bulk: id, before: values(map[string]string{"filter": b.Filter}),
			after: values(map[string]string{"shipments": strconv.FormatInt(over, 10)}),
		})
		if err != nil {
			return err
		}
		return t.one(ErrStale, `UPDATE bulks SET state = ?, acted_at = ?, actor = ?, done_at = 0 WHERE id = ? AND state = ? AND done_at > 0`,
			string(to), t.now, actor, id, string(from))
	})
}

func (t *tx) bulk(id int64) (Bulk, error) {
	b, err := scanBulk(t.row(`SELECT `+bulkColumns+` FROM bulks WHERE id = ?`, id))
	return b, orNotFound(err, bulkName(id))
}

// StepBulk does the next few shipments of an act that was started, in one transaction, and tells whether it is
// over. Several may do it at once.
func (l *Ledger) StepBulk(ctx context.Context, id int64) (over bool, err error) {
	queries, err := l.queryRights(ctx)
	if err != nil {
		return false, err
	}
	err = l.tx(ctx, "bulk", func(t *tx) error {
		over = false
		b, err := t.bulk(id)
		if err != nil {
			return err
		}
		undo := b.State == BulkUndoing
		if b.State != BulkRunning && !undo {
			over = true
			return nil
		}
		todo := ""
		if undo {
			todo = outcomeDone
		}
		items, err := listIn(t.ctx, t.Tx, t.dialect, scanItem,
			`SELECT shipment, version FROM bulk_items WHERE bulk = ? AND outcome = ? ORDER BY shipment LIMIT ?`, id, todo, bulkPage)
		if err != nil {
			return err
		}
		if len(items) == 0 {
			over = true
			state := BulkDone
			if undo {
				state = BulkUndone
			}
			return t.exec(`UPDATE bulks SET state = ?, done_at = ? WHERE id = ?`, string(state), t.now, id)
		}
		return t.bulkItems(b, items, queries)
	})
	return over, err
}

// item is a shipment of an act over many.
type item struct{ shipment, version int64 }

func scanItem(s scanner) (i item, err error) { return i, s.Scan(&i.shipment, &i.version) }

// bulkItems does the act to some shipments and writes down what became of each.
func (t *tx) bulkItems(b Bulk, items []item, queries map[string]bool) error {
	rows, err := t.rowsOf(items)
	if err != nil {
		return err
	}
	outcomes := make(map[string][]any)
	err = t.gather(func() error {
		for _, i := range items {
			outcome, err := t.bulkItem(b, rows[i.shipment], i, queries)
			if err != nil {
				return err
			}
			outcomes[outcome] = append(outcomes[outcome], i.shipment)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for outcome, ids := range outcomes {
		// They are in order, and the stretch of the index that they are in is named: a planner that has not counted
		// yet would read all of the act's for every page.
		err := t.exec(`UPDATE bulk_items SET outcome = ?, version = version + 1 WHERE bulk = ? AND shipment BETWEEN ? AND ?
			AND shipment IN (`+marks(len(ids))+`)`, append([]any{outcome, b.ID, ids[0], ids[len(ids)-1]}, ids...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// rowsOf reads the shipments of an act over many, by id.
func (t *tx) rowsOf(items []item) (map[int64]Row, error) {
	ids := make([]any, len(items))
	for n, i := range items {
		ids[n] = i.shipment
	}
	rows, err := listIn(t.ctx, t.Tx, t.dialect, scanRow, t.dialect.selectRow()+`WHERE id IN (`+marks(len(ids))+`)`, ids...)
	byID := make(map[int64]Row, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	return byID, err
}

// bulkItem does the act to one shipment, if it is as it was shown.
func (t *tx) bulkItem(b Bulk, row Row, i item, queries map[string]bool) (outcome string, err error) {
	if row.Version != i.version {
		return string(ObstacleChanged), nil
	}
	e := entry{actor: b.Actor, detail: b.Argument, bulk: b.ID}
	outcome = outcomeDone
	switch {
	case b.State == BulkUndoing:
		outcome = outcomeUndone
		err = t.undoClose(row, e)
	case b.Act == ActSendAgain:
		err = t.sendAgain(row, queries[row.Partner], SendAgain{}, e)
	case b.Act == ActClose:
		err = t.close(row, e)
	default:
		err = t.assign(row, b.Argument, e)
	}
	var inTheWay *ObstacleError
	var wrong *shipment.FieldError
	switch {
	case errors.As(err, &inTheWay):
		return string(inTheWay.Obstacle), nil
	case errors.As(err, &wrong):
		return string(ObstaclePayload), nil
	}
	return outcome, err
}
