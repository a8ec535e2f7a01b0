package ledger

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Find lists shipments whose trade number, order number or waybill is text or begins with it, newest first. It
// answers out of indexes, however many there are.
func (l *Ledger) Find(ctx context.Context, text string, most int) ([]Row, error) {
	text = printable(text)
	partners, err := list(ctx, l, scanText, `SELECT partner FROM accounts ORDER BY partner`)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]Row)
	for _, c := range l.beginnings(text, partners) {
		where, args := c.where()
		rows, err := list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE `+where+` LIMIT ?`, append(args, most)...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found[r.ID] = r
		}
	}
	rows := make([]Row, 0, len(found))
	for _, r := range found {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int { return newest(a.AcceptedAt, b.AcceptedAt, a.ID, b.ID) })
	return rows[:min(len(rows), most)], nil
}

func scanText(s scanner) (text string, err error) { return text, s.Scan(&text) }

// beginnings are the conditions that a number begins with text, each a stretch of an index.
func (l *Ledger) beginnings(text string, partners []string) (all []*conditions) {
	for _, column := range []string{"order_ref", "invoice_no"} {
		c := &conditions{}
		c.add(column + " <> ''")
		c.add(column+l.dialect.bytewise+" >= ?", text)
		c.add(column+l.dialect.bytewise+" < ?", text+"\U0010FFFF")
		all = append(all, c)
	}
	if end, ok := afterDigits(text); ok {
		// Digits are in the same order under any collation, so the index that keeps trade numbers apart by account
		// will do. LIKE leaves out what is no trade number and stands among them.
		c := &conditions{}
		c.among("partner", partners)
		c.add("trade_no LIKE ?", text+"%")
		c.add("trade_no >= ?", text)
		if end != "" {
			c.add("trade_no < ?", end)
		}
		all = append(all, c)
	}
	return all
}

// afterDigits is the first text of digits after all that begin with the given one; empty: there is none. Not ok:
// there is something else than digits.
func afterDigits(text string) (end string, ok bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return "", false
		}
	}
	kept := strings.TrimRight(text, "9")
	if kept == "" {
		return "", true
	}
	last := len(kept) - 1
	return kept[:last] + string(kept[last]+1), true
}

// FindInside looks for text anywhere in the numbers of the shipments with an id below before (0: from the
// newest on), and looks at `window` of them. It returns what it found, newest first, and the id to go on below;
// 0 when there are no more.
func (l *Ledger) FindInside(ctx context.Context, text string, before, window int64, most int) (rows []Row, next int64, err error) {
	if before == 0 {
		newest, err := first(ctx, l, scanCount, `SELECT COALESCE(MAX(id), 0) FROM shipments`)
		if err != nil {
			return nil, 0, err
		}
		before = newest + 1
	}
	part, args := l.dialect.containing(text)
	rows, err = list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE id >= ? AND id < ? AND `+part+` ORDER BY id DESC LIMIT ?`,
		append(append([]any{before - window, before}, args...), most)...)
	if err != nil {
		return nil, 0, err
	}
	next = max(before-window, 0)
	if len(rows) == most {
		next = rows[most-1].ID
	}
	if next <= 1 {
		next = 0
	}
	return rows, next, nil
}

// AcceptedFrom is when the oldest shipment was accepted that has this id or a higher one; the zero time when there is
// none.
func (l *Ledger) AcceptedFrom(ctx context.Context, id int64) (time.Time, error) {
	us, err := first(ctx, l, scanCount, `SELECT COALESCE((SELECT accepted_at FROM shipments WHERE id >= ? ORDER BY id LIMIT 1), 0)`, id)
	return at(us), err
}
