package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Stdin is the name that stands for standard input.
const Stdin = "-"

// OpenOptions are what Open is told besides the file.
type OpenOptions struct {
	Format Format // UnknownFormat: the content tells
	Sheet  string // of a workbook; empty: the only visible one that has a header
}

// Source is a file that can be imported: it can be read, and its header makes sense. It may be imported any
// number of times: a dry run first, for example.
type Source struct {
	Name     string // the file's base name; "stdin"
	Format   Format
	Encoding Encoding // of a text
	Sheet    string   // of a workbook
	Lines    int64    // physical lines, or rows of the sheet; the header among them

	path      string // the input's own; empty: it has none
	rejected  string // without a path: what the file of refused rows is called after; empty: Name
	mode      fs.FileMode
	file      *os.File // what is read
	temporary bool     // file was made by us
	pipe      *os.File // what file was filled from; nil: none, or not ours
	table     table
	header    header
}

// Open opens a file, or takes all of stdin for "-", and refuses with the reason what cannot be imported as
// a whole. The caller closes it.
func Open(path string, stdin io.Reader, o OpenOptions) (*Source, error) {
	if path == Stdin {
		return OpenReader("stdin", stdin, o)
	}
	file, err := os.Open(path) //nolint:gosec // G304: the file that the user named
	if err != nil {
		return nil, err // it names the file, and callers tell one that is not there
	}
	s := &Source{Name: filepath.Base(path), path: path, mode: 0o600, file: file}
	return s.opened(file, o)
}

// OpenReader is Open for what has a name and no path, an upload for example. It takes all of in and keeps it in a
// temporary file until the Source is closed; how much that may be is for the caller to bound. What is longer than
// a shipment could be is refused before it has been read. The name is only shown.
func OpenReader(name string, in io.Reader, o OpenOptions) (*Source, error) {
	s := &Source{Name: filepath.Base(name), mode: 0o600}
	return s.opened(in, o)
}

func (s *Source) opened(in io.Reader, o OpenOptions) (*Source, error) {
	if err := s.open(in, o); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), s.Close())
	}
	return s, nil
}

func (s *Source) open(in io.Reader, o OpenOptions) error {
	in, err := s.rewindable(in)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	start, err := buffered.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if bytes.HasPrefix(start, oleSignature) {
		if _, err := io.Copy(io.Discard, buffered); err != nil {
			return err
		}
		return whatOLE(s.file)
	}
	if s.Format, err = formatOf(start, o.Format); err != nil {
		return err
	}
	if s.Format == XLSX {
		if _, err := io.Copy(io.Discard, buffered); err != nil { // the last of a pipe; only then is there an archive
			return err
		}
		return s.openXLSX(o.Sheet)
	}
	if o.Sheet != "" && s.Format != XLSX {
		return faulty("has no sheets; leave --sheet out")
	}
	return s.openText(buffered)
}

func (s *Source) openXLSX(name string) error {
	book, err := openWorkbook(s.file)
	if err != nil {
		return err
	}
	chosen, h, err := openSheet(book, name)
	if err != nil {
		return errors.Join(err, book.close())
	}
	s.table, s.Encoding, s.Sheet, s.header = chosen, UTF8, chosen.name, h
	s.Lines, err = chosen.inspect()
	return err
}

func (s *Source) openText(in io.Reader) error {
	found, err := inspect(in)
	if err != nil {
		return err
	}
	s.Lines = found.lines
	if s.Encoding, err = found.encoding(); err != nil {
		return err
	}
	open := openCSV
	if s.Format == JSONLines {
		open = openJSON
	}
	s.table, s.header, err = open(text{s.file, s.Encoding})
	return err
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
			return nil, faulty("is a directory; name a file")
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
	if s.table != nil {
		err = s.table.close()
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	if s.temporary {
		err = errors.Join(err, os.Remove(s.file.Name())) //nolint:gosec // G703: the name is os.CreateTemp's
	}
	if s.pipe != nil {
		err = errors.Join(err, s.pipe.Close())
	}
	return err
}

// Ignored names the columns that mean nothing here.
func (s *Source) Ignored() []string { return s.header.ignored }

// rows reads the rows below the header.
func (s *Source) rows() (*body, error) {
	in, err := s.table.rows()
	if err != nil {
		return nil, err
	}
	b := &body{rows: in, header: s.header}
	for s.header.line > 0 {
		rec, err := in.next()
		if err != nil {
			return nil, errors.Join(err, in.close())
		}
		if rec.line >= s.header.line {
			break
		}
	}
	return b, nil
}
