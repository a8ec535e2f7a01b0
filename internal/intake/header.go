package intake

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fahuo/internal/shipment"
)

// fieldUrgent is a column that is no text field of a shipment.
const fieldUrgent = "urgent"

// column is a field and the names by which files call it; the first is its own.
type column struct {
	field string
	names []string
}

var columns = []column{
	{shipment.FieldTradeNo, []string{"支付宝交易号", "交易号"}},
	{shipment.FieldLogisticsName, []string{"物流公司", "快递公司"}},
	{shipment.FieldInvoiceNo, []string{"运单号", "物流单号", "快递单号"}},
	{shipment.FieldTransportType, []string{"运输方式"}},
	{shipment.FieldCreateTransportType, nil},
	{shipment.FieldSellerIP, nil},
	{shipment.FieldPartner, []string{"合作者身份id", "商户号"}},
	{shipment.FieldOrderRef, []string{"订单号", "商户订单号", "商家订单号"}},
	{fieldUrgent, []string{"加急"}},
}

// noteColumns are what a file of refused rows has behind the original columns.
var noteColumns = []string{"line", "field", "reason"}

// header says which column holds what.
type header struct {
	cells     []string
	line      int64 // where it stands; 0: nowhere, every line is a row
	known     int   // how many of its cells name a field
	fault     string
	delimiter byte           // CSV; 0: it is none
	at        map[string]int // field → column, from 0
	notes     int            // where the note columns of a file of refused rows begin; -1: it is none
	ignored   []string       // columns that mean nothing to us
}

func (h header) has(field string) bool { _, ok := h.at[field]; return ok }

// is tells whether a column, from 0, holds a field.
func (h header) is(column int, field string) bool { i, ok := h.at[field]; return ok && i == column }

// ragged tells that rows end with their last value: sheets and objects know in which column it stands.
func (h header) ragged() bool { return h.delimiter == 0 }

// original is a record or header without the notes that an earlier import put behind it.
func (h header) original(cells []string) []string {
	if h.notes < 0 || len(cells) <= max(h.notes, 1) || (!h.ragged() && len(cells) < h.notes+len(noteColumns)) {
		return cells
	}
	return slices.Delete(slices.Clone(cells), h.notes, min(len(cells), h.notes+len(noteColumns)))
}

// fieldOf tells what a header cell means; "" for nothing that we know.
func fieldOf(cell string) string {
	name := strings.ToLower(shipment.Unwrap(cell))
	english := strings.NewReplacer(" ", "_", "-", "_").Replace(name)
	for _, c := range columns {
		if english == c.field || slices.Contains(c.names, name) {
			return c.field
		}
	}
	return ""
}

func findNotes(cells []string) int {
	for i := range max(0, len(cells)-len(noteColumns)+1) {
		if slices.EqualFunc(cells[i:i+len(noteColumns)], noteColumns, func(a, b string) bool { return strings.TrimSpace(a) == b }) {
			return i
		}
	}
	return -1
}

// assign gives each field its column.
func (h *header) assign() error {
	var faults []error
	for i, cell := range h.cells {
		field := fieldOf(cell)
		first, taken := h.at[field]
		switch {
		case h.notes >= 0 && i >= h.notes && i < h.notes+len(noteColumns):
		case field == "" && strings.TrimSpace(cell) == "":
			h.ignored = append(h.ignored, fmt.Sprintf("column %d (no name)", i+1))
		case field == "":
			h.ignored = append(h.ignored, strings.TrimSpace(cell))
		case taken:
			faults = append(faults, faulty("columns %d (%q) and %d (%q) both are %s; remove one", first+1, trim(h.cells[first]), i+1, trim(cell), field))
		default:
			h.at[field] = i
		}
	}
	if !h.has(shipment.FieldTradeNo) || (!h.has(shipment.FieldLogisticsName) && !h.hasTransport()) {
		faults = append(faults, faulty("columns are missing: needed are %s; found %s", needed(), list(h.cells)))
	}
	return errors.Join(faults...)
}

// hasTransport tells whether the file says how parcels travel. One that does not means EXPRESS.
func (h header) hasTransport() bool {
	return h.has(shipment.FieldTransportType) || h.has(shipment.FieldCreateTransportType)
}

func needed() string {
	return "trade_no (支付宝交易号, 交易号) and logistics_name (物流公司, 快递公司)"
}

func trim(cell string) string { return strings.TrimSpace(cell) }

// list shows names without letting a long line flood the reader.
func list(names []string) string {
	const most = 20
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if r := []rune(trim(name)); len(r) > 40 {
			name = string(r[:40]) + "…"
		}
		fmt.Fprintf(&b, "%q", trim(name))
	}
	return b.String()
}
