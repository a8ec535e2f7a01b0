package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// gathering is what an act over many does to the shipments of one transaction, all at once instead of one by one:
// every statement is a way to the database and back.
type gathering struct {
	lines   [][]any // of history
	changes []*change
}

// change is one that is made to some shipments.
type change struct {
	set  string
	args []any
	ids  []any
}

// change makes a change to a shipment as it was read in this transaction. set begins an UPDATE; version and time
// are added.
func (t *tx) change(row Row, set string, args ...any) error {
	if t.gathers == nil {
		return t.one(ErrStale, `UPDATE shipments SET `+set+`, version = version + 1, changed_at = ? WHERE id = ? AND version = ?`,
			append(args, t.now, row.ID, row.Version)...)
	}
	same := slices.IndexFunc(t.gathers.changes, func(c *change) bool { return c.set == set && slices.Equal(c.args, args) })
	if same < 0 {
		same = len(t.gathers.changes)
		t.gathers.changes = append(t.gathers.changes, &change{set: set, args: args})
	}
	c := t.gathers.changes[same]
	c.ids = append(c.ids, row.ID)
	return nil
}

// gather has f's lines of history and changes of shipments written when it is done. Nobody else can have changed
// what was read in this transaction, so the changes need not name versions.
func (t *tx) gather(f func() error) error {
	t.gathers = &gathering{}
	err := f()
	gathered := t.gathers
	t.gathers = nil
	if err != nil {
		return err
	}
	if len(gathered.lines) > 0 {
		if err := t.insert(insertHistory, gathered.lines, ""); err != nil {
			return err
		}
	}
	for _, c := range gathered.changes {
		n, err := t.changed(`UPDATE shipments SET `+c.set+`, version = version + 1, changed_at = ? WHERE id IN (`+marks(len(c.ids))+`)`,
			slices.Concat(c.args, []any{t.now}, c.ids)...)
		if err != nil {
			return err
		}
		if n != int64(len(c.ids)) {
			return fmt.Errorf("ledger: %d rows changed where %d were meant", n, len(c.ids))
		}
	}
	return nil
}

// insert adds rows of values; ending stands after them.
func (t *tx) insert(into string, rows [][]any, ending string) error {
	one := "(" + marks(len(rows[0])) + ")"
	return t.exec(into+" VALUES "+one+strings.Repeat(", "+one, len(rows)-1)+" "+ending, slices.Concat(rows...)...)
}

// marks are the places of n values, at least one.
func marks(n int) string { return "?" + strings.Repeat(", ?", n-1) }
