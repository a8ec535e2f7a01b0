package intake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// Stdin is the name that stands for standard input.
const Stdin = "-"

// Source is a file that can be imported: its encoding is known and its header makes sense.
type Source struct {
	Name     string // the file's base name; "stdin"
	Encoding Encoding
	Lines    int64 // physical lines, the header among them

	path      string // the input's own; empty for standard input
	rejected  string // for standard input: what the file of refused rows is called after; empty: Name
	mode      fs.FileMode
	file      *os.File // what is read, from its start
	temporary bool     // file was made by us
	pipe      *os.File // what file was filled from; nil: none, or not ours
	header    header
}

// Open opens a file, or takes all of stdin for "-", and refuses with the reason what cannot be imported as
// a whole. The caller closes it.
func Open(path string, stdin io.Reader) (_ *Source, err error) {
	s := &Source{Name: filepath.Base(path), path: path, mode: 0o600}
	in := stdin
	if path == Stdin {
		s.Name, s.path = "stdin", ""
	} else {
		if s.file, err = os.Open(path); err != nil { //nolint:gosec // G304: the file that the user named
			return nil, err // it names the file, and callers tell one that is not there
		}
		in = s.file
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", s.Name, err), s.Close())
		}
	}()
	if in, err = s.rewindable(in); err != nil {
		return nil, err
	}
	found, err := inspect(in)
	if err != nil {
		return nil, err
	}
	s.Lines = found.lines
	if s.Encoding, err = found.encoding(); err != nil {
		return nil, err
	}
	s.header, err = chooseHeader(func(delimiter byte) (record, error) {
		rows, err := s.records(delimiter)
		if err != nil {
			return record{}, err
		}
		return rows.next()
	})
	return s, err
}

// rewindable makes sure that what is read can be read a second time: a pipe goes into a temporary file
// on its way through.
func (s *Source) rewindable(in io.Reader) (io.Reader, error) {
	if s.file != nil {
		info, err := s.file.Stat()
		switch {
		case err != nil:
			return nil, err
		case info.IsDir():
			return nil, errors.New("is a directory; name a file")
		case info.Mode().IsRegular():
			s.mode = info.Mode().Perm()
			return in, nil
		}
	}
	spool, err := os.CreateTemp("", "fahuo-import-*")
	if err != nil {
		return nil, fmt.Errorf("keep what comes from the pipe: %w", err)
	}
	s.pipe, s.file, s.temporary = s.file, spool, true
	return io.TeeReader(in, spool), nil
}

// Close closes the file and removes what was kept of a pipe.
func (s *Source) Close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	if s.temporary {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	if s.pipe != nil {
		err = errors.Join(err, s.pipe.Close())
	}
	return err
}

// Ignored names the columns that mean nothing here.
func (s *Source) Ignored() []string { return s.header.ignored }

// RejectedPath is where rows go that are refused: beside the file, or into the working directory.
func (s *Source) RejectedPath() string {
	if s.path == "" {
		return cmp.Or(s.rejected, s.Name) + ".rejected.csv"
	}
	return s.path + ".rejected.csv"
}

// NameRejected names the file of refused rows of standard input, which has no name, after a batch.
func (s *Source) NameRejected(batch string) {
	const most = 150 // bytes: with its ending and a number it is a file name everywhere
	name := Word(batch)
	for len(name) > most {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		name = "_" + name[1:] // neither hidden nor taken for a flag
	}
	s.rejected = name
}

// Word makes one word, good for command lines and file names, of any text.
func Word(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, text)
}

// records begins to read at the start of the file.
func (s *Source) records(delimiter byte) (*records, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var in io.Reader = s.file
	if s.Encoding == GB18030 {
		in = transform.NewReader(in, simplifiedchinese.GB18030.NewDecoder())
	}
	rows := newRecords(in, delimiter)
	if start, _ := rows.in.in.Peek(len(bom)); bytes.Equal(start, bom) {
		_, _ = rows.in.in.Discard(len(bom)) // they have just been seen
	}
	return rows, nil
}

// rows reads the file's rows, the header done with.
func (s *Source) rows() (*records, error) {
	rows, err := s.records(s.header.delimiter)
	if err != nil {
		return nil, err
	}
	if _, err := rows.next(); err != nil {
		return nil, err
	}
	return rows, nil
}
