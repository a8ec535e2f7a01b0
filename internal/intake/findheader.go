package intake

import (
	"errors"
	"io"
	"strings"

	"fahuo/internal/shipment"
)

// headerWithin is among how many rows the header is looked for: titles stand above it in what people make for people.
const headerWithin = 20

// delimiters are what cells may be parted by, in order of preference.
var delimiters = []byte{',', ';', '\t'}

// findHeader takes the first of the first rows that names the columns that are needed; without one that which names
// the most, for check to say what is missing. It never looks past a row that might be a shipment: such a row is not to
// be left out as a title.
func findHeader(in rows) (header, error) {
	best, broken := header{known: -1, fault: "has nothing but empty lines"}, ""
	for range headerWithin {
		rec, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return header{}, err
		}
		if rec.fault != "" {
			if broken = rec.fault; broken != tooWide {
				broken = "the header has a quote (\") that is never closed"
			}
			if best.cells == nil { // it may show why
				best.cells = rec.cells
			}
			continue
		}
		h := readHeader(rec)
		if h.known > best.known {
			best = h
		}
		if h.enough() {
			return h, nil
		}
		if holdsTrade(rec) {
			break
		}
	}
	if best.known < 1 && broken != "" {
		best.known, best.fault = 0, broken
	}
	return best, nil
}

func readHeader(rec record) header {
	h := header{cells: rec.cells, line: rec.line}
	for _, cell := range rec.cells {
		if fieldOf(cell) != "" {
			h.known++
		}
	}
	return h
}

// enough tells whether a row names what no import can do without.
func (h header) enough() bool {
	var trade, courier bool
	for _, cell := range h.cells {
		switch fieldOf(cell) {
		case shipment.FieldTradeNo:
			trade = true
		case shipment.FieldLogisticsName, shipment.FieldTransportType, shipment.FieldCreateTransportType:
			courier = true
		}
	}
	return trade && courier
}

// holdsTrade tells whether a row has a cell that is nothing but digits, as many as a trade number has.
func holdsTrade(rec record) bool {
	for _, cell := range rec.cells {
		value := shipment.Unwrap(cell)
		if len(value) >= 16 && strings.Trim(value, "0123456789") == "" {
			return true
		}
	}
	return false
}

// check says what is wrong with a header, or makes it ready for use. unit is what the file's rows are called.
func (h *header) check(unit string) error {
	switch {
	case strings.Contains(strings.Join(h.cells, ""), "\r"):
		return faulty("its lines end as on old Macs" + saveAsCSV)
	case h.fault != "":
		return faulty(h.fault)
	case h.known == 0:
		return faulty("the first %s is no header: found %s; needed are %s, in one of the first %d %ss", unit, list(h.cells), needed(), headerWithin, unit)
	}
	h.at, h.notes = make(map[string]int), findNotes(h.cells)
	return h.assign()
}
