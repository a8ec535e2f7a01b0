package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fahuo/internal/shipment"
)

// conditions are put together into one WHERE.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(condition string, args ...any) {
	c.parts = append(c.parts, condition)
	c.args = append(c.args, args...)
}

// text narrows by a column's value, unless that is empty.
func (c *conditions) text(column, value string) {
	if value != "" {
		c.add(column+" = ?", printable(value))
	}
}

// among narrows to a column's values; none of them is nothing.
func (c *conditions) among(column string, values []string) {
	if len(values) == 0 {
		c.add("1 = 0")
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.add(column+" IN ("+marks(len(values))+")", args...)
}

// since narrows by a time, from (included) to (not included); the zero time does not narrow.
func (c *conditions) since(column string, from, to time.Time) {
	if !from.IsZero() {
		c.add(column+" >= ?", from.UnixMicro())
	}
	if !to.IsZero() {
		c.add(column+" < ?", to.UnixMicro())
	}
}

func (c *conditions) where() (string, []any) {
	if len(c.parts) == 0 {
		return "1 = 1", nil
	}
	return strings.Join(c.parts, " AND "), c.args
}

// Cursor is a place in a list: the row after which a page begins. The zero one is the list's start.
type Cursor struct {
	At time.Time // of death in a list of dead letters, of acceptance in a list of shipments
	ID int64
}

// Page is a part of a list. Lists are read from their newest row to the oldest, or the other way round when
// Back is set; rows always come newest first.
type Page struct {
	After Cursor
	Back  bool // what is newer than After, nearest first
	Size  int
}

// Nobody is the assignee of what nobody has taken.
const Nobody = "-"

// DeadFilter narrows dead letters; empty fields do not narrow.
type DeadFilter struct {
	Partner     string
	Reason      shipment.Reason
	Code        string // Alipay's
	TradeStatus string
	Batch       string
	Assignee    string    // Nobody: what nobody has taken
	From, To    time.Time // of death
	Text        string    // any part of trade number, order number or waybill
}

func (f DeadFilter) conditions(d dialect) *conditions {
	c := &conditions{}
	c.add("state = 'dead'")
	c.text("partner", f.Partner)
	c.text("reason", string(f.Reason))
	c.text("error_code", f.Code)
	c.text("trade_status", f.TradeStatus)
	c.text("batch", f.Batch)
	switch f.Assignee {
	case "":
	case Nobody:
		c.add("assignee = ''")
	default:
		c.text("assignee", f.Assignee)
	}
	c.since("settled_at", f.From, f.To)
	if f.Text != "" {
		part, args := d.containing(f.Text)
		c.add(part, args...)
	}
	return c
}

// literally makes a text that LIKE takes as it stands.
func literally(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(printable(text))
}

// DeadLetters lists dead letters by the time of death. Everything that they are narrowed by stands in one
// index, so a rare one among many costs a walk through the index and not through the table.
func (l *Ledger) DeadLetters(ctx context.Context, f DeadFilter, p Page) ([]Row, error) {
	c := f.conditions(l.dialect)
	order := p.narrow(c, "settled_at")
	where, args := c.where()
	rows, err := list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE id IN (SELECT id FROM shipments`+l.dialect.by("shipments_dead")+` WHERE `+where+` ORDER BY `+order+` LIMIT ?)`,
		append(args, p.Size)...)
	slices.SortFunc(rows, func(a, b Row) int { return newest(a.SettledAt, b.SettledAt, a.ID, b.ID) })
	return rows, err
}

// narrow begins a list at the page's cursor and gives its order.
func (p Page) narrow(c *conditions, column string) (order string) {
	direction, comparison := "DESC", "<"
	if p.Back {
		direction, comparison = "ASC", ">"
	}
	if p.After != (Cursor{}) {
		c.add("("+column+", id) "+comparison+" (?, ?)", p.After.At.UnixMicro(), p.After.ID)
	}
	return column + " " + direction + ", id " + direction
}

func newest(a, b time.Time, idA, idB int64) int {
	if order := b.Compare(a); order != 0 {
		return order
	}
	return int(min(1, max(-1, idB-idA)))
}

// DeadGroup is how many dead letters have died of one reason with one code.
type DeadGroup struct {
	Reason shipment.Reason
	Code   string
	N      int64
}

// CountDead counts dead letters by reason and code, whatever reason and code the filter has: so a page can
// tell how many there would be under another one.
func (l *Ledger) CountDead(ctx context.Context, f DeadFilter) ([]DeadGroup, error) {
	f.Reason, f.Code = "", ""
	index := "shipments_causes" // in the order of what is counted
	if f.Text != "" {
		index = "shipments_dead"
	}
	where, args := f.conditions(l.dialect).where()
	return list(ctx, l, func(s scanner) (g DeadGroup, err error) { return g, s.Scan(&g.Reason, &g.Code, &g.N) },
		`SELECT reason, error_code, COUNT(*) FROM shipments`+l.dialect.by(index)+` WHERE `+where+` GROUP BY reason, error_code ORDER BY 3 DESC, 1, 2`, args...)
}

// ShipmentFilter narrows all shipments; empty fields do not narrow.
type ShipmentFilter struct {
	Partner  string
	State    shipment.State
	Batch    string
	From, To time.Time // of acceptance
}

// lists are the conditions under each of which an index has the rows in order: one for every state.
func (f ShipmentFilter) lists() []*conditions {
	states := shipment.States()
	if f.State != "" {
		states = []shipment.State{f.State}
	}
	all := make([]*conditions, len(states))
	for i, state := range states {
		all[i] = &conditions{}
		all[i].text("batch", f.Batch)
		all[i].text("partner", f.Partner)
		all[i].add("state = ?", string(state))
		all[i].since("accepted_at", f.From, f.To)
	}
	return all
}

// Shipments lists shipments by the time of acceptance, live and settled ones. Of each state no more than its index
// says is looked at for the page, and only what the page has is read from the table.
func (l *Ledger) Shipments(ctx context.Context, f ShipmentFilter, p Page) ([]Row, error) {
	var lists []string
	var all []any
	var order string
	for i, c := range f.lists() {
		order = p.narrow(c, "accepted_at")
		where, args := c.where()
		lists = append(lists, fmt.Sprintf(`SELECT id, accepted_at FROM (SELECT id, accepted_at FROM shipments WHERE %s ORDER BY %s LIMIT ?) l%d`, where, order, i))
		all = append(append(all, args...), p.Size)
	}
	rows, err := list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE id IN (SELECT id FROM (`+strings.Join(lists, " UNION ALL ")+`) u ORDER BY `+order+` LIMIT ?)`,
		append(all, p.Size)...)
	slices.SortFunc(rows, func(a, b Row) int { return newest(a.AcceptedAt, b.AcceptedAt, a.ID, b.ID) })
	return rows, err
}

// CountShipments counts shipments by state, whatever state the filter has. It walks through an index: a million
// take a good part of a second.
func (l *Ledger) CountShipments(ctx context.Context, f ShipmentFilter) (map[shipment.State]int64, error) {
	f.State = ""
	counts := make(map[shipment.State]int64)
	for i, c := range f.lists() {
		where, args := c.where()
		n, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE `+where, args...)
		if err != nil {
			return nil, err
		}
		counts[shipment.States()[i]] = n
	}
	return counts, nil
}

func scanCount(s scanner) (n int64, err error) { return n, s.Scan(&n) }
