package intake

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xuri/excelize/v2"
)

// sheet is one sheet of a workbook as a table. Hidden rows are rows: hiding is for the eye.
type sheet struct {
	*workbook
	name string
	part *zip.File // where its rows are
}

func (s sheet) rows() (rows, error) {
	kinds, part, err := s.kinds()
	if err != nil {
		return nil, err
	}
	texts, err := s.file.Rows(s.name)
	if err != nil {
		return nil, errors.Join(err, part.Close())
	}
	return &sheetRows{sheet: s, texts: texts, kinds: kinds, part: part}, nil
}

func (s sheet) kinds() (*kinds, io.Closer, error) {
	part, err := s.part.Open()
	if err != nil {
		return nil, nil, err
	}
	return newKinds(part), part, nil
}

// inspect reads the sheet to its end, once, so that damage is known before one row is accepted, and tells its last row.
func (s sheet) inspect() (last int64, err error) {
	known, ok := s.inspected[s.part]
	if !ok {
		known.last, known.err = s.readThrough()
		s.inspected[s.part] = known
	}
	return known.last, known.err
}

// inspection is what reading a sheet to its end has shown.
type inspection struct {
	last int64
	err  error
}

func (s sheet) readThrough() (last int64, err error) {
	kinds, part, err := s.kinds()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, part.Close()) }()
	for {
		row, err := kinds.next()
		switch {
		case errors.Is(err, io.EOF):
			return last, nil
		case err != nil:
			return 0, err
		}
		last = int64(row)
	}
}

// sheetRows reads a sheet's rows: their texts from excelize, what the texts are from kinds.
type sheetRows struct {
	sheet
	texts *excelize.Rows
	kinds *kinds
	part  io.Closer
	row   int // the row that texts has reached
}

func (r *sheetRows) at() int64 { return int64(r.row) }

func (r *sheetRows) close() error { return errors.Join(r.texts.Close(), r.part.Close()) }

func (r *sheetRows) next() (record, error) {
	for {
		row, err := r.kinds.next()
		if err != nil {
			return record{}, err
		}
		cells, err := r.text(row)
		if err != nil {
			return record{}, fmt.Errorf("row %d: %w", row, err)
		}
		rec := record{line: int64(row), cells: trimmed(r.spell(cells))}
		if !rec.blank() {
			return rec, nil
		}
	}
}

// trimmed is a row up to its last value, in no more memory than that takes.
func trimmed(cells []string) []string {
	n := len(cells)
	for n > 0 && cells[n-1] == "" {
		n--
	}
	return append([]string(nil), cells[:n]...)
}

// text brings excelize to a row.
func (r *sheetRows) text(row int) ([]string, error) {
	for r.row < row {
		if !r.texts.Next() {
			return nil, errors.Join(errDamaged, r.texts.Error())
		}
		r.row++
	}
	return r.texts.Columns(asStored)
}

// asStored has numbers as they are kept, not as they are shown.
var asStored = excelize.Options{RawCellValue: true}

// spell writes every cell as a text file would have it.
func (r *sheetRows) spell(cells []string) []string {
	for _, k := range r.kinds.cells {
		for len(cells) < k.column {
			cells = append(cells, "")
		}
		cells[k.column-1] = r.spellCell(k, cells[k.column-1])
	}
	return cells
}

func (r *sheetRows) spellCell(k kind, stored string) string {
	switch {
	case k.letter == "s", k.letter == "str", k.letter == "inlineStr", k.letter == "e":
		if k.isA && !k.valued {
			return "=" + k.formula
		}
		return stored
	case k.isA && stored == "":
		return "=" + k.formula
	case stored == "":
		return ""
	case k.letter == "b":
		return spellBool(stored == "1" || stored == "TRUE")
	case k.letter == "d":
		return stored
	}
	format := r.format(k.style)
	if format.date {
		return r.spellDate(stored)
	}
	return format.fill(spellNumber(stored))
}

// spellDate writes a date that is stored as a number of days.
func (w *workbook) spellDate(stored string) string {
	days, err := parseDays(stored)
	if err != nil {
		return stored
	}
	when, err := excelize.ExcelDateToTime(days, w.since1904)
	switch {
	case err != nil:
		return stored
	case days < 1:
		return when.Format(time.TimeOnly)
	case when.Equal(when.Truncate(24 * time.Hour)):
		return when.Format(time.DateOnly)
	}
	return when.Format(time.DateTime)
}
