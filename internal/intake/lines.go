package intake

import (
	"bufio"
	"errors"
	"io"
)

// maxRecord bounds a line, and a record of several lines, in bytes: a megabyte is thousands of times a
// shipment, and no file, whatever it is, makes us hold more than that.
const maxRecord = 1 << 20

var errTooLong = faulty("is longer than 1 MiB; is this a CSV file, with one shipment per line?")

// lines reads physical lines without ever holding more than maxRecord.
type lines struct {
	in *bufio.Reader
	n  int64 // the number of the line last read, from 1
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

// next returns a line with its terminator; the last one may have none. io.EOF after it.
func (l *lines) next() ([]byte, error) {
	var line []byte
	l.n++
	for {
		part, err := l.in.ReadSlice('\n')
		if len(line)+len(part) > maxRecord {
			return nil, errTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return nil, err
		}
	}
}
