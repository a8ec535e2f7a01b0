package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Encoding is how a file's characters are written.
type Encoding int

// The encodings that are read. GBK and GB2312 are parts of GB18030.
const (
	UnknownEncoding Encoding = iota
	UTF8
	GB18030
)

func (e Encoding) String() string {
	switch e {
	case UTF8:
		return "UTF-8"
	case GB18030:
		return "GB18030 (GBK)"
	case UnknownEncoding:
	}
	return "unknown"
}

var bom = []byte("\xEF\xBB\xBF")

// evidence is what all lines of a file together say about its encoding. Each field but the first two is
// the number of the first such line; 0: there is none.
type evidence struct {
	lines     int64
	marked    bool  // with a UTF-8 byte order mark
	utf8      int64 // characters of three bytes or more in UTF-8: Chinese, and hardly anything else
	short     int64 // valid UTF-8 with nothing but characters of two bytes, all of which GBK can be too
	notUTF8   int64
	notGB     int64
	otherwise int64 // valid UTF-8 that is no GBK
}

// inspect reads a file to its end, so that whatever is wrong with all of it is known before one row of it
// is accepted. Nothing less tells the encoding: the first Chinese character may be in the last line.
func inspect(r io.Reader) (evidence, error) {
	var e evidence
	in := newLines(r)
	start, err := in.in.Peek(len(bom))
	if err != nil && !errors.Is(err, io.EOF) {
		return e, err
	}
	e.marked = bytes.HasPrefix(start, bom)
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			return e, nil
		}
		if err != nil {
			return e, fmt.Errorf("line %d %w", in.n, err)
		}
		e.lines = in.n
		e.weigh(line)
	}
}

// weigh adds a line to the evidence.
func (e *evidence) weigh(line []byte) {
	ascii, two, more := true, true, false
	for _, c := range line {
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return
	}
	first := func(n *int64) {
		if *n == 0 {
			*n = e.lines
		}
	}
	if e.lines == 1 {
		line = bytes.TrimPrefix(line, bom)
	}
	if decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(line); err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		first(&e.notGB)
	}
	if !utf8.Valid(line) {
		first(&e.notUTF8)
		return
	}
	for i := 0; i < len(line); {
		_, size := utf8.DecodeRune(line[i:])
		more = more || size > 2
		two = two && (size == 1 || (size == 2 && hanzi(line[i], line[i+1])))
		i += size
	}
	switch {
	case more:
		first(&e.utf8)
	case two:
		first(&e.short)
	default:
		first(&e.otherwise)
	}
}

// hanzi tells whether two bytes are a Chinese character of GB2312 and not a Latin letter in UTF-8.
func hanzi(lead, trail byte) bool { return lead >= 0xC6 && lead <= 0xF7 && trail >= 0xA1 }

// encoding decides. Valid UTF-8 is UTF-8, with one exception: Chinese in UTF-8 has three bytes to a
// character, and some words in GBK, 圆通 among them, are by chance valid UTF-8 with two. A file that is
// partly UTF-8 and partly not is refused: reading the one as the other would send Alipay nonsense.
func (e evidence) encoding() (Encoding, error) {
	switch {
	case e.notUTF8 == 0 && e.short > 0 && e.utf8 == 0 && e.otherwise == 0 && e.notGB == 0 && !e.marked:
		return GB18030, nil
	case e.notUTF8 == 0 && e.short > 0 && e.utf8 > 0 && !e.marked:
		return UnknownEncoding, mixed(e.utf8, e.short)
	case e.notUTF8 == 0:
		return UTF8, nil
	case e.marked:
		return UnknownEncoding, faulty("line %d has a broken character: the file says that it is UTF-8 and this line is not; save it as UTF-8 again", e.notUTF8)
	case e.utf8 > 0:
		return UnknownEncoding, mixed(e.utf8, e.notUTF8)
	case e.notGB > 0:
		return UnknownEncoding, faulty("line %d is neither UTF-8 nor GBK; save the file as CSV (UTF-8) and import that", e.notGB)
	}
	return GB18030, nil
}

func mixed(isUTF8, other int64) error {
	return faulty("line %d is in UTF-8 and line %d is not, so the file cannot be read safely; save all of it as UTF-8", isUTF8, other)
}
