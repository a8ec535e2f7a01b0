package intake

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// refused is a row for the file of refused rows.
type refused struct {
	Rejection
	cells []string
}

// writeRejected writes the refused rows as a file that can be corrected and imported again: the original
// columns with the cells exactly as they were, then line, field and reason; UTF-8 with the mark that Excel
// needs. It is there whole or not at all. One of an earlier import is replaced.
func (s *Source) writeRejected(rows []refused) (err error) {
	path := s.RejectedPath()
	temp, err := os.CreateTemp(filepath.Dir(path), ".rejected-*")
	if err != nil {
		return fmt.Errorf("write the refused rows: %w", err)
	}
	defer func() {
		if err != nil {
			_ = temp.Close() // closed already, or of no use
			err = errors.Join(fmt.Errorf("write the refused rows: %w", err), os.Remove(temp.Name()))
		}
	}()
	if err := s.fillRejected(temp, rows); err != nil {
		return err
	}
	// Whoever may read the input may read what is left of it.
	if err := temp.Chmod(s.mode | 0o600); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

func (s *Source) fillRejected(file *os.File, rows []refused) error {
	buffered := bufio.NewWriter(file)
	if _, err := buffered.Write(bom); err != nil {
		return err
	}
	w := csv.NewWriter(buffered)
	// Rows with too many columns widen the table, so that the notes stand under their names.
	head := s.header.original(s.header.cells)
	wide := len(head)
	for _, r := range rows {
		wide = max(wide, len(s.header.original(r.cells)))
	}
	if err := w.Write(append(pad(head, wide), noteColumns...)); err != nil {
		return err
	}
	for _, r := range rows {
		cells := append(pad(s.header.original(r.cells), wide), strconv.FormatInt(r.Line, 10), r.Field, r.Reason)
		if err := w.Write(cells); err != nil {
			return err
		}
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
