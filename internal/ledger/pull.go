package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrCursor says that a cursor is none of this ledger's. Whoever has it begins again without one.
var ErrCursor = errors.New("the cursor is not one of this ledger's; begin again without one, and skip by id what is known already")

// Events lists what has happened to the shipments of some accounts (nil: of all) after a cursor, the oldest first,
// and the cursor to go on from; an empty one is the beginning. Nothing is left out: who goes on from cursor to
// cursor sees every event once, however many write at the same time, and one shipment's events in their order.
//
// The id of a row would be no such cursor: of two transactions under way at once the one with the larger id may be
// committed first. So events are numbered after they were committed, by whoever reads.
func (l *Ledger) Events(ctx context.Context, partners []string, after string, limit int) (events []Event, next string, err error) {
	from, err := l.parseCursor(ctx, after)
	if err != nil {
		return nil, "", err
	}
	// What is answered is read after there was nothing left to number: another who reads may have done it meanwhile.
	for numbered := false; ; {
		events, err = l.eventsAfter(ctx, partners, from, limit)
		if err != nil {
			return nil, "", err
		}
		if numbered || len(events) >= limit {
			break
		}
		n, err := l.number(ctx)
		if err != nil {
			return nil, "", err
		}
		numbered = n == 0
	}
	switch n := len(events); {
	case n > 0:
		after = l.cursor(events[n-1].seq, events[n-1].ID)
	case after == "":
		after = l.cursor(0, "")
	}
	return events, after, nil
}

func (l *Ledger) eventsAfter(ctx context.Context, partners []string, from int64, limit int) ([]Event, error) {
	c := &conditions{}
	c.add("seq > 0") // so that the index is taken
	c.add("seq > ?", from)
	if partners != nil {
		c.among("partner", partners)
	}
	where, args := c.where()
	return list(ctx, l, scanEvent, `SELECT `+eventColumns+` FROM events e WHERE `+where+` ORDER BY seq LIMIT ?`, append(args, limit)...)
}

const eventColumns = `e.id, e.uid, e.seq, e.at, e.type, e.partner, e.trade_no, e.source, e.body`

func (e *Event) fields(us *int64, body *string) []any {
	return []any{&e.row, &e.ID, &e.seq, us, &e.Type, &e.Key.Partner, &e.Key.TradeNo, &e.Source, body}
}

func scanEvent(s scanner) (e Event, err error) {
	var us int64
	var body string
	err = s.Scan(e.fields(&us, &body)...)
	e.At, e.Body = at(us), json.RawMessage(body)
	return e, err
}

// numberPage is how many events are numbered in one transaction.
const numberPage = 1000

// number gives the next events that were committed since it last did their places, and tells how many. The row with
// the last number is the lock: of two who number at once one has to begin again.
func (l *Ledger) number(ctx context.Context) (n int64, err error) {
	left, err := list(ctx, l, scanCount, `SELECT id FROM events WHERE seq = 0 ORDER BY id LIMIT 1`)
	if err != nil || len(left) == 0 {
		return 0, err
	}
	err = l.tx(ctx, "number_events", func(t *tx) error {
		last, err := lastNumber(t.row(selectLastNumber))
		if err != nil {
			return err
		}
		n, err = t.changed(`UPDATE events SET seq = numbered.place FROM (SELECT id, CAST(? AS BIGINT) + ROW_NUMBER() OVER (ORDER BY id) AS place
			FROM (SELECT id FROM events WHERE seq = 0 ORDER BY id LIMIT ?) AS fresh) AS numbered WHERE events.id = numbered.id`, last, numberPage)
		if err != nil {
			return err
		}
		return t.exec(`UPDATE ledger SET value = ? WHERE name = 'event_seq'`, strconv.FormatInt(last+n, 10))
	})
	return n, err
}

const selectLastNumber = `SELECT value FROM ledger WHERE name = 'event_seq'`

func lastNumber(s scanner) (int64, error) {
	var text string
	if err := s.Scan(&text); err != nil {
		return 0, fmt.Errorf("ledger: the last event's number: %w", err)
	}
	return strconv.ParseInt(text, 10, 64)
}

// cursorPrefix marks cursors as this ledger's.
func (l *Ledger) cursorPrefix() string { return l.identity[:8] + "-" }

// cursor is the place behind an event, by its number and by a part of its id; number 0 is the beginning.
func (l *Ledger) cursor(seq int64, id string) string {
	if seq == 0 {
		return l.cursorPrefix() + "0"
	}
	return l.cursorPrefix() + strconv.FormatInt(seq, 10) + "-" + id[max(0, len(id)-8):]
}

// parseCursor reads a cursor. One from another ledger, or from after the copy that this one was restored from,
// would silently leave events out: under its number there is no event, or by now another one.
func (l *Ledger) parseCursor(ctx context.Context, cursor string) (int64, error) {
	if cursor == "" || cursor == l.cursor(0, "") {
		return 0, nil
	}
	text, ours := strings.CutPrefix(cursor, l.cursorPrefix())
	number, _, _ := strings.Cut(text, "-")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ours || err != nil || n <= 0 {
		return 0, ErrCursor
	}
	id, err := first(ctx, l, func(s scanner) (id string, err error) { return id, s.Scan(&id) }, `SELECT uid FROM events WHERE seq > 0 AND seq = ?`, n)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, ErrCursor
	case err != nil:
		return 0, err
	case l.cursor(n, id) != cursor:
		return 0, ErrCursor
	}
	return n, nil
}
