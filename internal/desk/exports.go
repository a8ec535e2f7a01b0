package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// What the exports hold: the same rows as the page with the same query, in the same order, with more columns.

// columns are the heads of an export's columns, in the reader's words. Times say in which zone they are.
func (q *request) columns(keys ...string) []string {
	for i, key := range keys {
		keys[i] = q.lang.text(key)
	}
	return keys
}

// inZone is the head of a column of times.
func (q *request) inZone(key string) string { return q.lang.text("export.in_zone", q.lang.text(key)) }

// cellTime is a time in a cell; nothing for never.
func cellTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clock(t)
}

func (q *request) exportDead() error {
	f := deadFilter(q.URL.Query())
	groups, err := q.d.o.Book.CountDead(q.Context(), f)
	if err != nil {
		return err
	}
	size := int64(0)
	for _, g := range groups {
		if (f.Reason == "" || g.Reason == f.Reason) && (f.Code == "" || g.Code == f.Code) {
			size += g.N
		}
	}
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	page := ledger.Page{Size: exportStep}
	next := func() ([]ledger.Row, error) {
		rows, err := q.d.o.Book.DeadLetters(q.Context(), f, page)
		if len(rows) > 0 {
			last := rows[len(rows)-1]
			page.After = ledger.Cursor{At: last.SettledAt, ID: last.ID}
		}
		return rows, err
	}
	return q.export(q.shipmentSheet("dead-letters", accounts, size, next))
}

func (q *request) exportShipments() error {
	query := q.URL.Query()
	f := shipmentFilter(query)
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	if text := searched(query); text != "" {
		return q.export(q.shipmentSheet("shipments", accounts, -1, q.allFound(text, f)))
	}
	counts, err := q.d.o.Book.CountShipments(q.Context(), f)
	if err != nil {
		return err
	}
	size := int64(0)
	for state, n := range counts {
		if f.State == "" || f.State == state {
			size += n
		}
	}
	return q.export(q.shipmentSheet("shipments", accounts, size, q.merged(f)))
}

// mostFound is how many shipments a search at the beginning of numbers exports: they are read at once.
const mostFound = 100_000

// allFound is a search by number to its end: the page shows a part of it, an export holds all of it.
func (q *request) allFound(text string, f ledger.ShipmentFilter) func() ([]ledger.Row, error) {
	inside, below, done := q.FormValue("inside") != "", int64(0), false
	return func() ([]ledger.Row, error) {
		if done {
			return nil, nil
		}
		if !inside {
			rows, err := q.d.o.Book.Find(q.Context(), text, mostFound+1)
			if len(rows) > mostFound {
				return nil, &problem{http.StatusUnprocessableEntity, "export.too_many_found"}
			}
			if rows = among(f, rows); err != nil || len(rows) > 0 {
				done = true
				return rows, err
			}
			inside = true
		}
		for {
			rows, next, err := q.d.o.Book.FindInside(q.Context(), text, below, stretch, exportStep)
			if err != nil {
				return nil, err
			}
			below, done = next, next == 0
			if rows = among(f, rows); len(rows) > 0 || done {
				return rows, nil
			}
		}
	}
}

// shipmentSheet is a sheet of shipments.
func (q *request) shipmentSheet(name string, accounts accountList, size int64, next func() ([]ledger.Row, error)) sheet {
	names := make(map[string]string, len(accounts))
	for _, a := range accounts {
		names[a.Partner] = a.Name
	}
	head := q.columns("col.trade_no", "accounts.partner", "col.account", "shipments.state", "col.reason", "col.code", "col.status", "col.order_ref",
		"shipments.carrier", "col.invoice_no", "export.transport", "col.batch", "shipments.urgent", "export.resent", "col.assignee")
	head = append(head, q.inZone("shipments.accepted"), q.inZone("shipments.settled"))
	return sheet{name: name, header: head, size: size, next: func() ([][]string, error) {
		rows, err := next()
		if err != nil {
			return nil, err
		}
		cells := make([][]string, len(rows))
		for i, r := range rows {
			cells[i] = q.shipmentCells(r, names[r.Partner])
		}
		return cells, nil
	}}
}

func (q *request) shipmentCells(r ledger.Row, account string) []string {
	reason, urgent, transport := "", "", r.TransportType
	if r.Reason != "" {
		reason = q.lang.text("reason." + string(r.Reason))
	}
	if r.Urgent {
		urgent = q.lang.text("audit.yes")
	}
	if transport == "" {
		transport = r.CreateTransportType
	}
	return []string{
		mask(r.TradeNo), r.Partner, account, q.lang.text("state." + string(r.State)), reason, r.ErrorCode, q.lang.maybe("status.", r.TradeStatus), mask(r.OrderRef),
		mask(r.LogisticsName), mask(r.InvoiceNo), q.lang.transported(transport), mask(r.Batch), urgent, strconv.FormatInt(r.Resent, 10),
		r.Assignee, cellTime(r.AcceptedAt), cellTime(r.SettledAt),
	}
}

func (q *request) exportBatches() error {
	text := strings.TrimSpace(q.URL.Query().Get("q"))
	size, err := q.d.o.Book.CountBatches(q.Context(), text)
	if err != nil {
		return err
	}
	head := append(q.columns("col.batch"), q.inZone("batches.first"), q.lang.text("batches.total"))
	for _, state := range shipment.States() {
		head = append(head, q.lang.text("state."+string(state)))
	}
	head = append(head, q.inZone("overview.empty_by"), q.lang.text("batches.rejected"))
	after := ledger.Batch{}
	return q.export(sheet{name: "batches", header: head, size: size, next: func() ([][]string, error) {
		list, err := q.d.o.Book.Batches(q.Context(), text, after, batchesAPage) // each is counted
		if err != nil || len(list) == 0 {
			return nil, err
		}
		after = list[len(list)-1]
		cells := make([][]string, len(list))
		for i, b := range list {
			line, err := q.follow(b)
			if err != nil {
				return nil, err
			}
			cells[i] = q.batchCells(line)
		}
		return cells, nil
	}})
}

func (q *request) batchCells(b batchLine) []string {
	row := []string{mask(b.Name), cellTime(b.FirstAt), strconv.FormatInt(b.Total, 10)}
	for _, state := range shipment.States() {
		row = append(row, strconv.FormatInt(b.Counts[state], 10))
	}
	by := cellTime(b.ETA)
	if b.Unknown != "" {
		by = q.lang.text(b.Unknown)
	}
	return append(row, by, strconv.FormatInt(b.Rejected, 10))
}

func (q *request) exportAudit() error {
	f := auditFilter(q.URL.Query())
	f.Before = 0 // the whole list, wherever in it the page was
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	names := accounts.names()
	head := append([]string{q.inZone("audit.at")}, q.columns("audit.actor", "audit.act", "accounts.partner", "col.account", "col.trade_no", "col.batch", "export.bulk",
		"export.field", "export.before", "export.after", "audit.detail")...)
	return q.export(sheet{name: "audit", header: head, size: -1, next: func() ([][]string, error) {
		lines, err := q.d.o.Book.Audit(q.Context(), f, exportStep)
		if err != nil || len(lines) == 0 {
			return nil, err
		}
		f.Before = lines[len(lines)-1].ID
		var cells [][]string
		for _, line := range lines {
			cells = append(cells, q.auditCells(q.lang.audited(line, names))...)
		}
		return cells, nil
	}})
}

// auditCells are a row for each field that an act changed, or one when it changed none.
func (q *request) auditCells(v auditLine) [][]string {
	bulk := ""
	if v.Bulk != 0 {
		bulk = strconv.FormatInt(v.Bulk, 10)
	}
	row := []string{clock(v.At), v.Actor, q.lang.text("event." + string(v.Act)), v.Partner, v.Account, mask(v.TradeNo), mask(v.Batch), bulk, "", "", "", v.Words}
	if len(v.Changes) == 0 {
		return [][]string{row}
	}
	rows := make([][]string, len(v.Changes))
	for i, c := range v.Changes {
		rows[i] = slices.Clone(row)
		rows[i][8], rows[i][9], rows[i][10] = c.Label, c.Old, c.New
	}
	return rows
}
