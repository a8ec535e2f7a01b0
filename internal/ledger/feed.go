package ledger

import (
	"context"
	"errors"
	"fmt"

	"fahuo/internal/shipment"
)

// Unfed lists rows in one state whose present version the belt may not know of, in the order of acceptance,
// beginning after the given id (0: from the start). Queued rows are to be put in line, dead ones in the dead-letter
// queue, and the task of a settled dead letter is to be taken away.
func (l *Ledger) Unfed(ctx context.Context, state shipment.State, after int64, most int) ([]Row, error) {
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE feed = 1 AND state = ? AND id > ? ORDER BY id LIMIT ?`, string(state), after, most)
}

// Fed records that the belt knows of these rows, by version: a row that has changed meanwhile stays
// to be fed.
func (l *Ledger) Fed(ctx context.Context, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	return l.tx(ctx, "feed", func(t *tx) error {
		// Nearly all of them are at the same version: new.
		type alike struct {
			dead    bool
			version int64
		}
		var order []alike
		ids := make(map[alike][]any)
		for _, r := range rows {
			a := alike{r.State == shipment.Dead, r.Version}
			if ids[a] == nil {
				order = append(order, a)
			}
			ids[a] = append(ids[a], r.ID)
		}
		for _, a := range order {
			err := t.exec(`UPDATE shipments SET feed = 0, dead_task = ? WHERE version = ? AND id IN (`+marks(len(ids[a]))+`)`,
				append([]any{bit(a.dead), a.version}, ids[a]...)...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Lost is a row that the belt should have and has not, or has only in the hands of a process that
// no longer answers.
type Lost struct {
	Row
	Orphaned bool // active without a living holder: its task id is taken in its queue
}

// FeedAgain marks rows to be put on the belt again. An orphaned one comes back through the retry
// queue under a new version, since its old task still has its id. Rows that have changed since they
// were read are left alone.
func (l *Ledger) FeedAgain(ctx context.Context, lost []Lost, actor string) error {
	return l.tx(ctx, "feed", func(t *tx) error {
		for _, r := range lost {
			if !r.Orphaned {
				err := t.exec(`UPDATE shipments SET feed = 1 WHERE id = ? AND version = ?`, r.ID, r.Version)
				if err != nil {
					return err
				}
				continue
			}
			err := t.backInLine(r.Row, actor, "its worker is gone; back in line")
			if err != nil && !errors.Is(err, ErrStale) {
				return err
			}
		}
		return nil
	})
}

// BackInLine sends a queued shipment back through the retry queue under a new version, for one who has
// its task in hand and gives it back without having done anything: a task cannot be put in line again
// under its own id. ErrStale when it is not queued at that version.
func (l *Ledger) BackInLine(ctx context.Context, r Row, actor, why string) (Row, error) {
	var row Row
	err := l.tx(ctx, "back_in_line", func(t *tx) error {
		err := t.backInLine(r, actor, why)
		if err != nil {
			return err
		}
		row, err = t.get(r.Key())
		return err
	})
	return row, err
}

func (t *tx) backInLine(r Row, actor, why string) error {
	err := t.one(ErrStale, `UPDATE shipments SET feed = 1, begun = 1, version = version + 1, changed_at = ?
		WHERE id = ? AND version = ? AND state = 'queued'`, t.now, r.ID, r.Version)
	if err != nil {
		return err
	}
	return t.record(r.Key(), actor, ActBackInLine, shipment.Queued, shipment.Queued, r.Version+1, why)
}

// OnBelt lists the rows of an account in one state that the belt should know of, in pages by the time of
// acceptance.
func (l *Ledger) OnBelt(ctx context.Context, partner string, state shipment.State, after Cursor, most int) ([]Row, error) {
	rows, err := list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE partner = ? AND state = ? AND feed = 0 AND (accepted_at, id) > (?, ?)
		ORDER BY accepted_at, id LIMIT ?`, partner, string(state), micros(after.At), after.ID, most)
	if err != nil {
		return nil, fmt.Errorf("rows of %s on the belt: %w", partner, err)
	}
	return rows, nil
}

// Partners lists every account that has a shipment in the given state.
func (l *Ledger) Partners(ctx context.Context, state shipment.State) ([]string, error) {
	return list(ctx, l, func(s scanner) (p string, err error) { return p, s.Scan(&p) },
		`SELECT DISTINCT partner FROM shipments WHERE state = ? ORDER BY partner`, string(state))
}

// All lists every shipment in pages by id, beginning after the given one (0: from the start).
func (l *Ledger) All(ctx context.Context, after int64, most int) ([]Row, error) {
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE id > ? ORDER BY id LIMIT ?`, after, most)
}
