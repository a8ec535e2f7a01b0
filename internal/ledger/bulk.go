package ledger

import (
	"context"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// An act over many shipments goes in two steps. Preview runs the filter and writes down which shipments, at which
// version, the act would be done to, so that what is shown is what there is. Run does it, a few at a time, to
// those that are still at that version; what has changed meanwhile is left alone and counted. It can be run again
// after it was broken off, and does nothing twice. An act of closing can be taken back for those that have not
// changed since.
//
//	preview ── Run ──► running ──► done ── Undo ──► undoing ──► undone

// BulkState is how far an act over many shipments has come.
type BulkState string

// The states of an act over many shipments.
const (
	BulkPreview BulkState = "preview"
	BulkRunning BulkState = "running"
	BulkDone    BulkState = "done"
	BulkUndoing BulkState = "undoing"
	BulkUndone  BulkState = "undone"
)

// BulkHasDone asks BulkSample and BulkPartners for the shipments that an act over many has been done to.
const BulkHasDone Obstacle = "done"

// Outcomes of one shipment in an act over many, besides the obstacles.
const (
	outcomeDone   = string(BulkHasDone)
	outcomeUndone = "undone"
)

// Bulk is an act over many shipments.
type Bulk struct {
	ID       int64
	Act      Act // ActSendAgain, ActClose or ActAssign
	Actor    string
	Filter   string // as the page had it
	Argument string // why it is closed, to whom it is assigned
	State    BulkState
	MadeAt   time.Time
	ActedAt  time.Time // zero: only shown so far
	DoneAt   time.Time // of a preview: when it was complete; zero: it is being made
	Counts   BulkCounts
}

// BulkCounts are how many shipments of an act over many stand where.
type BulkCounts struct {
	Todo      int64 // eligible and not done yet
	Done      int64
	Undone    int64
	Obstacles map[Obstacle]int64 // not eligible, or not any more
}

// Total is everything that the filter matched.
func (c BulkCounts) Total() int64 {
	n := c.Todo + c.Done + c.Undone
	for _, more := range c.Obstacles {
		n += more
	}
	return n
}

// Left is what is not eligible, or not any more.
func (c BulkCounts) Left() int64 { return c.Total() - c.Todo - c.Done - c.Undone }

// BulkOrder is what a person wants done to everything that matches.
type BulkOrder struct {
	Act      Act // ActSendAgain, ActClose or ActAssign
	Actor    string
	Filter   string // for people
	Argument string
	Matching DeadFilter
	Only     []int64 // ids: of what matches only these; empty: everything
}

// bulkPage is how many shipments are dealt with in one transaction: few enough that a worker who wants to begin
// a call meanwhile does not wait for long.
const bulkPage = 200

// Preview writes down what an act would be done to and what is in the way of the rest.
func (l *Ledger) Preview(ctx context.Context, o BulkOrder) (Bulk, error) {
	switch o.Act { //nolint:exhaustive // the others are no acts over many
	case ActSendAgain, ActClose, ActAssign:
	default:
		return Bulk{}, fmt.Errorf("ledger: %s is no act over many shipments", o.Act)
	}
	queries, err := l.queryRights(ctx)
	if err != nil {
		return Bulk{}, err
	}
	var id int64
	err = l.tx(ctx, "bulk", func(t *tx) error {
		if err := t.forgetPreviews(); err != nil {
			return err
		}
		return t.row(`INSERT INTO bulks (act, actor, filter, argument, state, made_at) VALUES (?, ?, ?, ?, 'preview', ?) RETURNING id`,
			string(o.Act), o.Actor, o.Filter, o.Argument, t.now).Scan(&id)
	})
	if err != nil {
		return Bulk{}, err
	}
	only := make(map[int64]bool, len(o.Only))
	for _, id := range o.Only {
		only[id] = true
	}
	for p := (Page{Size: 2000}); ; {
		rows, err := l.DeadLetters(ctx, o.Matching, p)
		if err != nil {
			return Bulk{}, err
		}
		if len(rows) == 0 {
			return l.shown(ctx, id)
		}
		last := rows[len(rows)-1]
		p.After = Cursor{At: last.SettledAt, ID: last.ID}
		for len(rows) > 0 {
			n := min(len(rows), bulkPage)
			if err := l.show(ctx, id, o.Act, rows[:n], only, queries); err != nil {
				return Bulk{}, err
			}
			rows = rows[n:]
		}
	}
}

// shown ends the making of a preview: only from now on may it be done. Until then, and for good if this process dies
// now, it holds a part of what matches, and whoever came upon it would have more done than he was shown.
func (l *Ledger) shown(ctx context.Context, id int64) (Bulk, error) {
	err := l.tx(ctx, "bulk", func(t *tx) error {
		return t.one(ErrNotFound, `UPDATE bulks SET done_at = ? WHERE id = ? AND state = 'preview'`, t.now, id)
	})
	if err != nil {
		return Bulk{}, err
	}
	return l.Bulk(ctx, id)
}

// show writes down some of the shipments of a preview.
func (l *Ledger) show(ctx context.Context, id int64, act Act, rows []Row, only map[int64]bool, queries map[string]bool) error {
	var values [][]any
	for _, r := range rows {
		if len(only) == 0 || only[r.ID] {
			values = append(values, []any{id, r.ID, r.Version, micros(r.SettledAt), string(r.obstacle(act, queries[r.Partner]))})
		}
	}
	if len(values) == 0 {
		return nil
	}
	return l.tx(ctx, "bulk", func(t *tx) error {
		return t.insert(`INSERT INTO bulk_items (bulk, shipment, version, died_at, outcome)`, values, `ON CONFLICT DO NOTHING`)
	})
}

// obstacle is what is in the way of an act over many.
func (r Row) obstacle(act Act, mayQuery bool) Obstacle {
	switch act { //nolint:exhaustive // the others are no acts over many
	case ActSendAgain:
		return r.CanSendAgain(mayQuery)
	case ActClose:
		return r.CanClose()
	}
	if r.State != shipment.Dead {
		return ObstacleState
	}
	return ""
}

// queryRights tells of which accounts Alipay answers queries, as far as known.
func (l *Ledger) queryRights(ctx context.Context) (map[string]bool, error) {
	known, err := list(ctx, l, scanAccount, l.selectAccount())
	if err != nil {
		return nil, err
	}
	may := make(map[string]bool, len(known))
	for _, a := range known {
		may[a.Partner] = a.NoQueryAt.IsZero()
	}
	return may, nil
}

// forgetPreviews removes what was shown long ago and never done.
func (t *tx) forgetPreviews() error {
	old := t.now - (24 * time.Hour).Microseconds()
	err := t.exec(`DELETE FROM bulk_items WHERE bulk IN (SELECT id FROM bulks WHERE state = 'preview' AND made_at < ?)`, old)
	if err != nil {
		return err
	}
	return t.exec(`DELETE FROM bulks WHERE state = 'preview' AND made_at < ?`, old)
}

// Bulk reads an act over many shipments. ErrNotFound when there is none of that id.
func (l *Ledger) Bulk(ctx context.Context, id int64) (Bulk, error) {
	b, err := first(ctx, l, scanBulk, `SELECT `+bulkColumns+` FROM bulks WHERE id = ?`, id)
	if err != nil {
		return Bulk{}, orNotFound(err, bulkName(id))
	}
	b.Counts.Obstacles = make(map[Obstacle]int64)
	_, err = list(ctx, l, func(s scanner) (struct{}, error) {
		var outcome string
		var n int64
		err := s.Scan(&outcome, &n)
		switch outcome {
		case "":
			b.Counts.Todo = n
		case outcomeDone:
			b.Counts.Done = n
		case outcomeUndone:
			b.Counts.Undone = n
		default:
			b.Counts.Obstacles[Obstacle(outcome)] = n
		}
		return struct{}{}, err
	}, `SELECT outcome, COUNT(*) FROM bulk_items WHERE bulk = ? GROUP BY outcome`, id)
	return b, err
}

func bulkName(id int64) string { return fmt.Sprintf("act over many %d", id) }

const bulkColumns = `id, act, actor, filter, argument, state, made_at, acted_at, done_at`

func scanBulk(s scanner) (Bulk, error) {
	var b Bulk
	var made, acted, done int64
	err := s.Scan(&b.ID, &b.Act, &b.Actor, &b.Filter, &b.Argument, &b.State, &made, &acted, &done)
	b.MadeAt, b.ActedAt, b.DoneAt = at(made), at(acted), at(done)
	return b, err
}

// BulkPartners counts the shipments of an act over many that stand at an outcome (as in BulkSample), by account.
func (l *Ledger) BulkPartners(ctx context.Context, id int64, outcome Obstacle) (map[string]int64, error) {
	counts := make(map[string]int64)
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var partner string
		var n int64
		err := s.Scan(&partner, &n)
		counts[partner] = n
		return struct{}{}, err
	}, `SELECT s.partner, COUNT(*) FROM bulk_items i JOIN shipments s ON s.id = i.shipment WHERE i.bulk = ? AND i.outcome = ? GROUP BY s.partner`, id, string(outcome))
	return counts, err
}

// BulkSample reads some of the shipments of an act over many that stand at an outcome: an obstacle, BulkHasDone, or with
// an empty one those that it would be done to.
func (l *Ledger) BulkSample(ctx context.Context, id int64, outcome Obstacle, most int) ([]Row, error) {
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE id IN (SELECT shipment FROM bulk_items WHERE bulk = ? AND outcome = ?
		ORDER BY shipment LIMIT ?) ORDER BY id`, id, string(outcome), most)
}
