package intake

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
)

// refused is a row for the file of refused rows.
type refused struct {
	Rejection
	cells []string
}

// Refused are the rows of an import that were not taken, as a table that can be corrected and imported again: the
// original columns with the cells exactly as they were, then line, field and reason.
type Refused struct {
	// Name is the file's that was imported, without its directory.
	Name   string
	header header
	list   []refused
}

// Len is how many rows there are.
func (r *Refused) Len() int { return len(r.list) }

// table is the header and the rows. Rows with too many columns widen the table, so that the notes stand under their
// names.
func (r *Refused) table(row func(cells []string) error) error {
	head := r.header.original(r.header.cells)
	wide := len(head)
	for _, row := range r.list {
		wide = max(wide, len(r.header.original(row.cells)))
	}
	err := row(append(pad(head, wide), noteColumns...))
	for i := 0; err == nil && i < len(r.list); i++ {
		one := r.list[i]
		err = row(append(pad(r.header.original(one.cells), wide), strconv.FormatInt(one.Line, 10), one.Field, one.Reason))
	}
	return err
}

// WriteCSV writes the rows as CSV, in UTF-8 with the mark that Excel needs.
func (r *Refused) WriteCSV(out io.Writer) error {
	buffered := bufio.NewWriter(out)
	if _, err := buffered.Write(bom); err != nil {
		return err
	}
	w := csv.NewWriter(buffered)
	if err := r.table(w.Write); err != nil {
		return err
	}
	w.Flush()
	return errors.Join(w.Error(), buffered.Flush())
}

func pad(cells []string, wide int) []string {
	out := slices.Clone(cells)
	for len(out) < wide {
		out = append(out, "")
	}
	return out
}

func sortByLine(rows []refused) {
	slices.SortStableFunc(rows, func(a, b refused) int { return cmp.Compare(a.Line, b.Line) })
}
