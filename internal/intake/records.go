package intake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// record is one row as it stands in the file.
type record struct {
	line  int64    // the physical line in which it begins, from 1
	cells []string // as they were; the whole line in one cell if it could not be taken apart
	fault string   // why it could not be taken apart; empty: it was
}

// blank tells whether there is nothing in a record. Spreadsheets leave such rows behind.
func (r record) blank() bool {
	return r.fault == "" && !slices.ContainsFunc(r.cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// records reads the rows of a decoded file.
type records struct {
	in     *lines
	back   []string // lines that were read ahead in vain
	number int64    // of the line last taken
	split  splitter
	// A record that goes on after a line up to doomed ends like one before it, which has read on in vain
	// from there: in verdict. Without this a file with such a quote in every line would be read again
	// from every line.
	doomed  int64
	verdict string
}

func (r *records) at() int64    { return r.number }
func (r *records) close() error { return nil }

func (r *records) line() (string, error) {
	if len(r.back) > 0 {
		line := r.back[0]
		r.back = r.back[1:]
		r.number++
		return line, nil
	}
	line, err := r.in.next()
	if err != nil {
		return "", err
	}
	r.number++
	return string(line), nil
}

// next returns the next record that is not blank, io.EOF at the end.
func (r *records) next() (record, error) {
	for {
		rec, err := r.read()
		if err != nil || !rec.blank() {
			return rec, err
		}
	}
}

func (r *records) read() (record, error) {
	first, err := r.line()
	if err != nil {
		return record{}, r.fail(err)
	}
	rec := record{line: r.number}
	r.split.reset()
	goesOn := r.split.feed(first)
	var more []string
	if goesOn && rec.line <= r.doomed {
		rec.fault = r.verdict
	} else if more, rec.fault, err = r.complete(goesOn, len(first)); err != nil {
		return record{}, r.fail(err)
	}
	if rec.fault == "" && r.split.wide() { // all of its lines belong to it
		rec.cells, rec.fault = []string{clip(first)}, tooWide
		return rec, nil
	}
	if rec.fault == "" {
		rec.cells = r.split.cells
		return rec, nil
	}
	// Only the line with the fault is refused: the rows below it are somebody's shipments.
	if len(more) > 0 {
		r.back = append(more, r.back...)
		r.number -= int64(len(more))
	}
	rec.cells = []string{strings.TrimRight(first, "\r\n")}
	return rec, nil
}

// tooWide is what is wrong with a row, or a header, of more than maxColumns. A million commas are a megabyte, and as
// cells, or above other rows in a file of refused ones, a thousand times that.
const tooWide = "has more than 500 columns; a shipment has a dozen, delete what stands beyond them"

// clip is the beginning of a line that is refused for its length.
func clip(line string) string {
	const most = 1000
	line = strings.TrimRight(line, "\r\n")
	return strings.ToValidUTF8(line[:min(len(line), most)], "")
}

// complete reads the further lines of a record of which size bytes have been read, and says what is wrong
// with it.
func (r *records) complete(goesOn bool, size int) (more []string, fault string, err error) {
	for goesOn && size <= maxRecord {
		line, err := r.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		more = append(more, line)
		size += len(line)
		goesOn = r.split.feed(line)
	}
	last := r.number // after which, too, it was within a quoted value
	switch {
	case goesOn:
		fault = "a quote (\") is opened in this row and never closed; close it or remove it"
	case r.split.at == broken:
		fault = "a quote (\") stands in the middle of a quoted value; write it twice or remove it"
		last--
	default:
		return more, "", nil
	}
	if last > r.doomed {
		r.doomed, r.verdict = last, fault
	}
	return more, fault, nil
}

func (r *records) fail(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("line %d: %w", r.number+1, err)
}
