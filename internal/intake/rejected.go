package intake

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// keepRefused hands the refused rows over, or writes their files and names what there is of an earlier import.
func (r *run) keepRefused() error {
	if r.Options.Refused != nil {
		if len(r.refused) == 0 {
			return nil
		}
		return r.Options.Refused(r.refusedRows())
	}
	var errs []error
	for _, f := range r.source.rejectedFiles() {
		errs = append(errs, r.keepIn(f))
	}
	return errors.Join(errs...)
}

func (r *run) refusedRows() *Refused {
	return &Refused{Name: r.source.Name, header: r.source.header, list: r.refused}
}

// rejectedFile is a file of refused rows, and where the summary names it.
type rejectedFile struct {
	path  string
	write func(*Refused, io.Writer) error
	name  func(*Summary) **string
}

func (s *Source) rejectedFiles() []rejectedFile {
	files := []rejectedFile{{s.RejectedPath(), (*Refused).WriteCSV, func(sum *Summary) **string { return &sum.RejectedFile }}}
	if s.Format == XLSX {
		files = append(files, rejectedFile{s.rejectedXLSX(), (*Refused).WriteXLSX, func(sum *Summary) **string { return &sum.RejectedXLSX }})
	}
	return files
}

func (r *run) keepIn(f rejectedFile) error {
	if len(r.refused) == 0 {
		if info, err := os.Lstat(f.path); err == nil && info.Mode().IsRegular() {
			r.sum.OlderRejectedFile = &f.path
		}
		return nil
	}
	moved, err := r.source.writeRejected(f.path, func(w io.Writer) error { return f.write(r.refusedRows(), w) })
	if moved != "" {
		r.sum.OlderRejectedFile = &moved
	}
	if err != nil {
		return fmt.Errorf("the refused rows could not be written to %s: %w; their reasons are in the summary. "+
			"For the file make the directory writable for this user, or go to one that is and hand the rows over as standard input: enqueue file - < FILE", f.path, err)
	}
	*f.name(&r.sum) = &f.path
	return nil
}

// writeRejected writes the refused rows beside the input. The file is there whole or not at all. One of an earlier
// import that says something else may hold somebody's corrections: it is moved, and moved is where to.
func (s *Source) writeRejected(path string, fill func(io.Writer) error) (moved string, err error) {
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
	if err := fill(temp); err != nil {
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
