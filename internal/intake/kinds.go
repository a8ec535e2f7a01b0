package intake

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// maxColumns is how far to the right a value may stand. Shipments have a dozen columns; a workbook that is wider is none
// of ours, or made to make us hold a million empty cells for each row.
const maxColumns = 500

// kind is what excelize's rows, which are texts alone, do not tell of a cell: a number that has lost its tail, a date
// and a formula without a result look like values there.
type kind struct {
	column  int    // from 1
	letter  string // s, str, inlineStr: text; b, e, d: boolean, error, date; else a number
	style   int
	formula string
	isA     bool // it is a formula
	valued  bool // and there is a value
}

// kinds reads a worksheet beside excelize, row by row, and stricter: for excelize a damaged sheet ends where the damage
// is, and the rows below it would be lost without a word.
type kinds struct {
	in     *xml.Decoder
	part   *sips
	inside bool // of the rows
	ended  bool
	row    int
	cells  []kind // of the row last read; valid until the next
}

func newKinds(part io.Reader) *kinds {
	in := &sips{in: part}
	return &kinds{in: xml.NewDecoder(in), part: in}
}

// token is the next piece of the sheet: a tag, a text, a comment. The decoder holds all of it in memory.
func (k *kinds) token() (xml.Token, error) {
	k.part.left = maxRecord
	return k.in.RawToken()
}

// sips reads no more than is left.
type sips struct {
	in   io.Reader
	left int
}

func (s *sips) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, errHuge
	}
	n, err := s.in.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// errHuge says that a sheet holds something that nobody has typed: packed, it is a few kilobytes for each that is
// unpacked a thousand times as long.
var errHuge = faulty("a cell, tag or comment is longer than 1 MiB; copy the rows into a new workbook")

var errDamaged = faulty("the sheet is damaged" + saveAsXLSX)

// damaged says so, with the cause. An end in the middle is not the end.
func damaged(cause error) error {
	if errors.Is(cause, errHuge) {
		return cause
	}
	if errors.Is(cause, io.EOF) {
		cause = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w (%w)", errDamaged, cause)
}

// next reads a row that has cells, and returns its number, from 1; io.EOF after the last. Rows without cells are
// passed over.
func (k *kinds) next() (int, error) {
	for !k.ended {
		token, err := k.token()
		if errors.Is(err, io.EOF) && !k.inside {
			break // a sheet of another kind, a chart for example: it has no rows
		}
		if err != nil {
			return k.row, fmt.Errorf("row %d: %w", k.row+1, damaged(err))
		}
		switch t := token.(type) {
		case xml.StartElement:
			switch t.Name.Local {
			case "sheetData":
				k.inside = true
			case "row":
				if err := k.read(t); err != nil {
					return k.row, fmt.Errorf("row %d: %w", k.row, err)
				}
				if len(k.cells) > 0 {
					return k.row, nil
				}
			}
		case xml.EndElement:
			k.ended = t.Name.Local == "sheetData"
		}
	}
	return k.row, io.EOF
}

// read reads one row to its end.
func (k *kinds) read(start xml.StartElement) error {
	number := k.row + 1
	if r := attribute(start, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n < number || n > excelize.TotalRows {
			return fmt.Errorf("%w: row %.20q stands behind row %d", errDamaged, r, k.row)
		}
		number = n
	}
	k.row, k.cells = number, k.cells[:0]
	column := 0
	for {
		token, err := k.token()
		if err != nil {
			return damaged(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			cell, err := k.cell(t, column+1)
			if err != nil {
				return err
			}
			if column = cell.column; cell.valued || cell.isA {
				k.cells = append(k.cells, cell)
			}
			if column > maxColumns && (cell.valued || cell.isA) {
				return faulty("has a value in column %d; a shipment has a dozen columns, delete what stands that far to the right", column)
			}
		case xml.EndElement:
			if t.Name.Local == "row" {
				return nil
			}
		}
	}
}

// cell reads one cell to its end.
func (k *kinds) cell(start xml.StartElement, column int) (kind, error) {
	cell := kind{column: column, letter: attribute(start, "t")}
	cell.style, _ = strconv.Atoi(attribute(start, "s")) // a cell without one has style 0
	if r := attribute(start, "r"); r != "" {
		var err error
		if cell.column, _, err = excelize.CellNameToCoordinates(r); err != nil || cell.column < column {
			return cell, fmt.Errorf("%w: cell %.20q is out of order", errDamaged, r)
		}
	}
	formula := false
	for {
		token, err := k.token()
		if err != nil {
			return cell, damaged(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			formula = t.Name.Local == "f"
			cell.isA = cell.isA || formula
			cell.valued = cell.valued || t.Name.Local == "v" || t.Name.Local == "is"
		case xml.CharData:
			if formula && len(t) < 1000 {
				cell.formula += string(t)
			}
		case xml.EndElement:
			formula = false
			if t.Name.Local == "c" {
				return cell, nil
			}
		}
	}
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
