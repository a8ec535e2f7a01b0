package intake

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RejectedPath is where rows go that are refused: beside the file, or into the working directory.
func (s *Source) RejectedPath() string { return s.rejectedAs(".csv") }

// rejectedXLSX is where those of a workbook go, too: as a workbook.
func (s *Source) rejectedXLSX() string { return s.rejectedAs(".xlsx") }

func (s *Source) rejectedAs(extension string) string {
	return cmp.Or(s.path, s.rejected, s.Name) + ".rejected" + extension
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
