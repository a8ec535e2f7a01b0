package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxKeys bounds the different keys of a file: shipments have a dozen.
const maxKeys = 500

// jsonTable is text with an object in each line. Its columns are the keys that any of them has, in the order in which
// they are met; an object without one has an empty cell there.
type jsonTable struct {
	text
	columns []string
}

// openJSON collects the columns.
func openJSON(t text) (table, header, error) {
	table := jsonTable{text: t}
	in, err := t.decoded()
	if err != nil {
		return nil, header{}, err
	}
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, header{}, fmt.Errorf("line %d %w", in.n, err)
		}
		pairs, fault := object(line)
		if fault != "" && len(pairs) == 0 {
			continue // that row is refused when its turn comes
		}
		for _, p := range pairs {
			if !slices.Contains(table.columns, p.key) {
				table.columns = append(table.columns, p.key)
			}
		}
		if len(table.columns) > maxKeys {
			return nil, header{}, faulty("line %d: its objects have more than %d different keys; are these shipments?", in.n, maxKeys)
		}
	}
	h := readHeader(record{cells: table.columns})
	if len(table.columns) == 0 {
		h.fault = "has no line that is a JSON object {…} with keys and values"
	}
	return table, h, h.check("object")
}

func (t jsonTable) rows() (rows, error) {
	in, err := t.decoded()
	if err != nil {
		return nil, err
	}
	return &jsonRows{in: in, columns: t.columns}, nil
}

type jsonRows struct {
	in      *lines
	columns []string
}

func (r *jsonRows) at() int64  { return r.in.n }
func (*jsonRows) close() error { return nil }

func (r *jsonRows) next() (record, error) {
	for {
		line, err := r.in.next()
		if errors.Is(err, io.EOF) {
			r.in.n--
			return record{}, io.EOF
		}
		if err != nil {
			return record{}, fmt.Errorf("line %d: %w", r.in.n, err)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		pairs, fault := object(line)
		rec := record{line: r.in.n, cells: r.cells(pairs)}
		if fault != "" {
			rec.cells, rec.fault = []string{strings.TrimRight(string(line), "\r\n")}, fault
		}
		if !rec.blank() {
			return rec, nil
		}
	}
}

// cells puts values under their columns, up to the last of them.
func (r *jsonRows) cells(pairs []pair) []string {
	columns, wide := make([]int, len(pairs)), 0
	for i, p := range pairs {
		columns[i] = slices.Index(r.columns, p.key)
		wide = max(wide, columns[i]+1)
	}
	cells := make([]string, wide)
	for i, p := range pairs {
		cells[columns[i]] = p.value
	}
	return cells
}

type pair struct{ key, value string }

// object takes one line apart. encoding/json alone would take the last of two equal keys, and round numbers.
func object(line []byte) (pairs []pair, fault string) {
	in := json.NewDecoder(bytes.NewReader(line))
	in.UseNumber()
	const broken = "is no JSON object of one line; write {\"trade_no\":\"…\", …} with its quotes and commas, one shipment per line"
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil, broken
	}
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return nil, broken
		}
		name, _ := key.(string) // what json.Decoder promises
		value, err := in.Token()
		if err != nil {
			return nil, broken
		}
		if slices.ContainsFunc(pairs, func(p pair) bool { return p.key == name }) {
			return nil, fmt.Sprintf("has %.40q twice; remove one", name)
		}
		cell, ok := jsonCell(value)
		if !ok {
			return nil, fmt.Sprintf("has a list or an object as %.40q; write a text", name)
		}
		if pairs = append(pairs, pair{name, cell}); len(pairs) > maxKeys { // looking for one twice takes ever longer
			return pairs, fmt.Sprintf("has more than %d different keys", maxKeys)
		}
	}
	if _, err := in.Token(); err != nil {
		return nil, broken
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, "has something behind its JSON object; write one object per line"
	}
	return pairs, ""
}

// jsonCell is a value as a cell. A number is what a program has read or made as one, and may have been rounded.
func jsonCell(value json.Token) (cell string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return spellNumber(v.String()), true
	case bool:
		return spellBool(v), true
	case nil:
		return "", true
	}
	return "", false
}
