package intake

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
// needs. It is there whole or not at all. One of an earlier import that says something else may hold
// somebody's corrections: it is moved, and moved is where to.
func (s *Source) writeRejected(rows []refused) (moved string, err error) {
	path := s.RejectedPath()
	temp, err := os.CreateTemp(filepath.Dir(path), ".rejected-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = temp.Close() // closed already, or of no use
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	if err := s.fillRejected(temp, rows); err != nil {
		return "", err
	}
	// Whoever may read the input may read what is left of it.
	if err := temp.Chmod(s.mode | 0o600); err != nil {
		return "", err
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return "", err
	}
	if differs(path, temp.Name()) {
		if moved, err = moveAside(path); err != nil {
			return "", err
		}
	}
	return moved, os.Rename(temp.Name(), path)
}

// differs tells whether there is a file at path that is not the same as another one.
func differs(path, other string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.IsDir() { // nothing there, or nothing that could be moved out of the way
		return false
	}
	a, errA := digest(path)
	b, errB := digest(other)
	return errA != nil || errB != nil || a != b
}

func digest(path string) (sum [sha256.Size]byte, err error) {
	file, err := os.Open(path) //nolint:gosec // G304: beside the file that the user named
	if err != nil {
		return sum, err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	copy(sum[:], hash.Sum(nil))
	return sum, errors.Join(err, file.Close())
}

// moveAside gives a file the first free number behind its name. The new name is taken before it is used, so
// that of two imports at once none overwrites what the other has put aside.
func moveAside(path string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.%d", path, n)
		taken, err := os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: as above
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := taken.Close(); err != nil {
			return "", err
		}
		if err := os.Rename(path, aside); err != nil {
			return "", errors.Join(err, os.Remove(aside)) // nothing is in it
		}
		return aside, nil
	}
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
