package intake

import (
	"regexp"
	"strconv"
	"strings"
)

// numberFormat is what the format of a cell makes of a number that matters here.
type numberFormat struct {
	date  bool
	zeros int // it is shown with as many digits at least, with zeros in front
}

// fill puts the zeros in front that the clerk sees and the cell does not hold: they belong to the number of a parcel.
func (f numberFormat) fill(number string) string {
	if f.zeros > len(number) && strings.Trim(number, "0123456789") == "" {
		return strings.Repeat("0", f.zeros-len(number)) + number
	}
	return number
}

// format is the number format of a style.
func (w *workbook) format(style int) numberFormat {
	known, ok := w.formats[style]
	if !ok {
		if s, err := w.file.GetStyle(style); err == nil { // a style that is not there is as good as none
			code := ""
			if s.CustomNumFmt != nil {
				code = *s.CustomNumFmt
			}
			known = readFormat(s.NumFmt, code)
		}
		w.formats[style] = known
	}
	return known
}

var (
	// unspoken are the parts of a format that are no placeholders: texts, single signs, colours and conditions.
	unspoken  = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[[^hHmMsS\]][^\]]*\]|\[[hHmMsS][^hHmMsS\]][^\]]*\]`)
	dateSigns = regexp.MustCompile(`(?i)[ymdhs]|年|月|日`)
	onlyZeros = regexp.MustCompile(`^0{2,}$`)
)

// readFormat reads a number format: one of those that every spreadsheet has by number, or its code.
func readFormat(id int, code string) numberFormat {
	if code == "" {
		return numberFormat{date: id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58}
	}
	bare := unspoken.ReplaceAllString(code, "")
	if strings.Contains(bare, "General") {
		return numberFormat{}
	}
	if onlyZeros.MatchString(bare) {
		return numberFormat{zeros: len(bare)}
	}
	return numberFormat{date: dateSigns.MatchString(bare)}
}

func parseDays(stored string) (float64, error) { return strconv.ParseFloat(stored, 64) }
