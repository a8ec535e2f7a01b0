package intake

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"fahuo/internal/shipment"
)

// RefusedRow is a row that was not taken, and why.
type RefusedRow struct {
	Rejection
	Words   shipment.Words        // the reason, for whoever says it in another language; may be empty
	Changed []shipment.Difference // of a row in conflict with what was accepted before
	cells   []string
}

// refusedLimit bounds the refused rows that are kept: all are in memory, and so is what is made of them.
type refusedLimit struct{ rows, bytes int }

// keptRefused is far more than anybody corrects: a file with so many is another one than was meant.
var keptRefused = refusedLimit{rows: 100_000, bytes: 64 << 20}

// refuse keeps a row that is not taken, as long as there are not too many.
func (r *run) refuse(rec record, tradeNo string, fault shipment.FieldError, changed ...shipment.Difference) {
	const cell = 16 // bytes, an empty one's
	r.kept += cell * len(rec.cells)
	for _, text := range rec.cells {
		r.kept += len(text)
	}
	if r.tooMany = r.tooMany || len(r.refused) == r.keep.rows || r.kept > r.keep.bytes; r.tooMany {
		return
	}
	r.refused = append(r.refused, RefusedRow{
		Rejection: Rejection{Line: rec.line, TradeNo: tradeNo, Field: fault.Field, Reason: fault.Reason}, Words: fault.Words, Changed: changed, cells: rec.cells,
	})
}

// wrongFile says that too many rows are refused, those up to a line.
func (r *run) wrongFile(line int64) error {
	return fmt.Errorf("%s: %w", r.source.Name, faulty("up to line %d so many rows are refused, %d, that the rest is not looked at; is this the right file? "+
		"Correct what they are refused for and import it again: what is in already does no harm", line, r.sum.Rejected+r.sum.Conflicts))
}

// Refused are the rows of an import that were not taken, as a table that can be corrected and imported again: the
// original columns with the cells exactly as they were, then line, field and reason.
type Refused struct {
	// Name is the file's that was imported, without its directory.
	Name   string
	header header
	list   []RefusedRow
}

// Len is how many rows there are.
func (r *Refused) Len() int { return len(r.list) }

// Rows are the rows, in the file's order.
func (r *Refused) Rows() []RefusedRow { return r.list }

// Table gives the header and the rows, each with its reason as reason says it: the last cell. Rows with too many
// columns widen the table, so that the notes stand under their names.
func (r *Refused) Table(reason func(RefusedRow) string, row func(cells []string) error) error {
	head := r.header.original(r.header.cells)
	wide := len(head)
	for _, row := range r.list {
		wide = max(wide, len(r.header.original(row.cells)))
	}
	err := row(append(pad(head, wide), noteColumns...))
	for i := 0; err == nil && i < len(r.list); i++ {
		one := r.list[i]
		err = row(append(pad(r.header.original(one.cells), wide), strconv.FormatInt(one.Line, 10), one.Field, reason(one)))
	}
	return err
}

// asSaid is the reason as commands say it.
func asSaid(row RefusedRow) string { return row.Reason }

// WriteCSV writes the rows as CSV, in UTF-8 with the mark that Excel needs.
func (r *Refused) WriteCSV(out io.Writer) error {
	buffered := bufio.NewWriter(out)
	if _, err := buffered.Write(bom); err != nil {
		return err
	}
	w := csv.NewWriter(buffered)
	if err := r.Table(asSaid, w.Write); err != nil {
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

func sortByLine(rows []RefusedRow) {
	slices.SortStableFunc(rows, func(a, b RefusedRow) int { return cmp.Compare(a.Line, b.Line) })
}
