package alipay

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Charset is a value of _input_charset: utf-8, gbk or gb2312.
type Charset string

// The charsets of requests.
const (
	UTF8   Charset = "utf-8"
	GBK    Charset = "gbk"
	GB2312 Charset = "gb2312"
)

// ParseCharset reads a charset's name, in any case.
func ParseCharset(name string) (Charset, error) {
	switch c := Charset(strings.ToLower(strings.TrimSpace(name))); c {
	case UTF8, GBK, GB2312:
		return c, nil
	case "utf8":
		return UTF8, nil
	}
	return "", fmt.Errorf("input charset %q is not one of utf-8, gbk, gb2312", name)
}

// Encode gives a text's bytes. A character that the charset lacks is an error that names it: Alipay's
// own demo would silently send a question mark. So is a charset that ParseCharset did not give.
func (c Charset) Encode(s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("the text is not valid UTF-8")
	}
	switch c {
	case UTF8:
		return []byte(s), nil
	case GBK, GB2312:
		return c.encodeChinese(s)
	}
	return nil, fmt.Errorf("input charset %q is not one of utf-8, gbk, gb2312", string(c))
}

func (c Charset) encodeChinese(s string) ([]byte, error) {
	encoder := simplifiedchinese.GBK.NewEncoder()
	var out []byte
	for _, r := range s {
		b, err := encoder.Bytes([]byte(string(r)))
		// A single byte above ASCII is Windows' addition for the euro sign (80), which GBK has not.
		windows := len(b) == 1 && b[0] >= 0x80
		if err != nil || windows || (c == GB2312 && !inGB2312(b)) {
			return nil, fmt.Errorf("the character %q (U+%04X) does not exist in %s", r, r, c)
		}
		out = append(out, b...)
	}
	return out, nil
}

// inGB2312 tells whether GBK bytes are of GB2312 too. GBK fills the rows that GB2312 leaves empty
// (beyond 94 per row, rows AA–AF and F8 on) and some cells of the rows of signs. x/text has no encoder
// of GB2312 alone, and whether Alipay decodes it strictly is not known: so we are strict.
func inGB2312(b []byte) bool {
	if len(b) == 1 {
		return b[0] < 0x80
	}
	lead, trail := b[0], b[1]
	if trail < 0xA1 || trail > 0xFE {
		return false
	}
	switch {
	case lead >= 0xB0 && lead <= 0xD6, lead >= 0xD8 && lead <= 0xF7, lead == 0xA1, lead == 0xA3:
		return true
	case lead == 0xD7:
		return trail <= 0xF9
	}
	last, ok := map[byte][2]byte{ // the rows of signs: first and last cell in use
		0xA2: {0xB1, 0xFC}, 0xA4: {0xA1, 0xF3}, 0xA5: {0xA1, 0xF6}, 0xA6: {0xA1, 0xD8},
		0xA7: {0xA1, 0xF1}, 0xA8: {0xA1, 0xE9}, 0xA9: {0xA4, 0xEF},
	}[lead]
	if !ok || trail < last[0] || trail > last[1] {
		return false
	}
	switch lead { // GBK's additions inside those rows
	case 0xA2:
		return trail != 0xE3 && trail != 0xE4 && trail != 0xEF && trail != 0xF0
	case 0xA6:
		return trail <= 0xB8 || trail >= 0xC1
	case 0xA7:
		return trail <= 0xC1 || trail >= 0xD1
	case 0xA8:
		return trail <= 0xBA || trail >= 0xC5
	}
	return true
}

// The families of charsets that answers declare.
const (
	familyUTF8    = "utf-8"
	familyChinese = "gb18030" // GB2312 and GBK are parts of it
	familyASCII   = "ascii"   // of a charset that agrees with ASCII, and nothing beyond it
)

// family is what a declared charset is read as; "" is one that is not known here. Servlets declare ISO-8859-1 where
// nobody has told them anything: an answer that is all ASCII is not spoilt by that.
func family[T string | []byte](declared string, text T) string {
	switch strings.ToLower(strings.TrimSpace(declared)) {
	case "", "utf-8", "utf8":
		return familyUTF8
	case "gbk", "gb2312", "gb18030", "cp936", "ms936", "x-gbk", "euc-cn", "gb_2312-80":
		return familyChinese
	case "ascii", "us-ascii", "iso-8859-1", "iso8859-1", "latin1", "windows-1252":
		for i := range len(text) {
			if text[i] >= utf8.RuneSelf {
				return ""
			}
		}
		return familyASCII
	}
	return ""
}

// Decode gives the text of an answer by the charset that it declares: UTF-8, GBK, GB2312 or GB18030.
// Bytes that are not of that charset are an error.
func Decode(declared string, b []byte) (string, error) {
	switch family(declared, b) {
	case familyASCII:
		return string(b), nil
	case familyUTF8:
		if !utf8.Valid(b) {
			return "", errors.New("the answer declares UTF-8 and is not")
		}
		return string(b), nil
	case familyChinese:
		out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
		if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
			return "", fmt.Errorf("the answer declares %s and is not", declared)
		}
		return string(out), nil
	}
	return "", fmt.Errorf("the answer declares the charset %q, which is not known here", clip(declared, 20))
}

// encodeAnswer gives a text's bytes in the charset that an answer declared, as its signer had them.
func encodeAnswer(declared, s string) ([]byte, error) {
	switch family(declared, s) {
	case familyUTF8, familyASCII:
		return []byte(s), nil
	case familyChinese:
		return simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s))
	}
	return nil, fmt.Errorf("the charset %q is not known here", declared)
}
