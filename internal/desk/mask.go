package desk

import (
	"regexp"
	"strings"
)

// What a page does not show, wherever it comes from: answers are masked before they are recorded, but a task that
// somebody has put into the queue by hand, or a note, may hold anything.
var (
	emails = regexp.MustCompile(`([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*(@[A-Za-z0-9.-]+\.[A-Za-z]{2,})`)
	phones = regexp.MustCompile(`\b((?:00|\+)?(?:86)?-?1[3-9][0-9])[0-9]{4}([0-9]{4})\b`)
	// The same in groups, with blanks or dashes between them, but for what is a part of a longer number.
	groups = regexp.MustCompile(`(^|[^\w\p{Pd}])((?:(?:00|\+)?86[\p{Zs}\p{Pd}]?)?1[3-9][0-9])[\p{Zs}\p{Pd}]?[0-9]{4}[\p{Zs}\p{Pd}]?([0-9]{4})\b`)
	tokens = regexp.MustCompile(`(?i)("?\b(?:key|sign|private_key|secret)"?(?:\s*[=:]\s*"?|>))[^&\s<"',}]+`)
)

// How many digits a mobile number has, alone and with the longest prefix (0086).
const (
	phoneLength  = 11
	longestPhone = 15
)

func onlyDigits(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// mask hides e-mail addresses, mobile numbers, keys and signatures.
func mask(text string) string {
	// Most of what is shown cannot hold any of them, and there is much of it: look before searching.
	if strings.Contains(text, "@") {
		text = emails.ReplaceAllString(text, "$1***$2")
	}
	if len(text) >= phoneLength && (len(text) <= longestPhone || !onlyDigits(text)) {
		text = groups.ReplaceAllString(phones.ReplaceAllString(text, "$1****$2"), "$1$2****$3")
	}
	if strings.ContainsAny(text, "=:>") {
		text = tokens.ReplaceAllString(text, "$1***")
	}
	return text
}
