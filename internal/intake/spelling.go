package intake

import (
	"math"
	"strconv"
	"strings"
)

// digitsKept is how many digits of a number a spreadsheet keeps; of what is longer it has lost the rest.
const digitsKept = 15

// spellNumber writes a cell that holds a number the way in which a text file would have it, so that one rule refuses both:
// an integer in full while all of its digits are there, and with an exponent when they are not.
func spellNumber(raw string) string {
	n, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	switch {
	case err != nil:
		return raw
	case math.Abs(n) >= 1e15 && !math.IsInf(n, 0):
		return strconv.FormatFloat(n, 'E', digitsKept-1, 64)
	case n == math.Trunc(n) && !math.IsInf(n, 0):
		return strconv.FormatInt(int64(n), 10)
	}
	return raw
}

func spellBool(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}
