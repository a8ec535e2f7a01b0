package intake

import (
	"bytes"
	"errors"
	"io"
	"os"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// table is a file as rows, whatever its format. Everything after it, from the choice of the header to the file of
// refused rows, is the same for all formats.
type table interface {
	// rows begins at the first row, titles and header included. Several may be read at once.
	rows() (rows, error)
	close() error
}

// rows reads a table from its start.
type rows interface {
	// next returns the next row that is not blank, io.EOF after the last.
	next() (record, error)
	// at is the line up to which has been read.
	at() int64
	close() error
}

// section reads a file from its start, whoever else reads it.
func section(file *os.File) (io.Reader, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(file, 0, info.Size()), nil
}

// text is a text file in a known encoding.
type text struct {
	file     *os.File
	encoding Encoding
}

// decoded reads the text from its start as UTF-8 without byte order mark.
func (t text) decoded() (*lines, error) {
	in, err := section(t.file)
	if err != nil {
		return nil, err
	}
	if t.encoding == GB18030 {
		in = transform.NewReader(in, simplifiedchinese.GB18030.NewDecoder())
	}
	all := newLines(in)
	if start, _ := all.in.Peek(len(bom)); bytes.Equal(start, bom) {
		_, _ = all.in.Discard(len(bom)) // they have just been seen
	}
	return all, nil
}

func (text) close() error { return nil } // the file is the Source's

// csvTable is text whose cells are parted by a delimiter.
type csvTable struct {
	text
	delimiter byte
	most      int // columns
}

func (t csvTable) rows() (rows, error) {
	in, err := t.decoded()
	if err != nil {
		return nil, err
	}
	return &records{in: in, split: splitter{delimiter: t.delimiter, most: t.most}}, nil
}

// openCSV finds the delimiter and the header.
func openCSV(t text) (table, header, error) {
	var best header
	table := csvTable{text: t}
	for i, d := range delimiters {
		candidate := csvTable{t, d, maxColumns + len(noteColumns)}
		h, err := headerOf(candidate)
		if err != nil {
			return nil, header{}, err
		}
		if i == 0 || h.above(best) {
			best, table = h, candidate
		}
	}
	best.delimiter = table.delimiter
	if err := best.check("line"); err != nil {
		return table, best, err
	}
	if best.notes < 0 { // its refused rows, which have notes, have to be read, too
		table.most = maxColumns
	}
	if len(best.cells) > table.most {
		return table, best, faulty(tooWide)
	}
	return table, best, nil
}

// above tells whether a header looks more like one than another does that was read with another delimiter. Hundreds of
// columns are found only with the one that parts them.
func (h header) above(other header) bool {
	switch {
	case h.known != other.known:
		return h.known > other.known
	case (h.fault == tooWide) != (other.fault == tooWide):
		return h.fault == tooWide
	}
	return len(h.cells) > len(other.cells)
}

// headerOf looks for a table's header.
func headerOf(t table) (h header, err error) {
	in, err := t.rows()
	if err != nil {
		return header{}, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	return findHeader(in)
}
