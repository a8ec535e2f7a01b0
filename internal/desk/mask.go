package desk

import "regexp"

// What a page does not show, wherever it comes from: answers are masked before they are recorded, but a task that
// somebody has put into the queue by hand, or a note, may hold anything.
var (
	emails = regexp.MustCompile(`([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*(@[A-Za-z0-9.-]+\.[A-Za-z]{2,})`)
	phones = regexp.MustCompile(`\b((?:00|\+)?(?:86)?-?1[3-9][0-9])[0-9]{4}([0-9]{4})\b`)
	tokens = regexp.MustCompile(`(?i)("?\b(?:key|sign|private_key|secret)"?\s*[=:]\s*"?)[^&\s<"',}]+`)
)

// mask hides e-mail addresses, mobile numbers, keys and signatures.
func mask(text string) string {
	text = emails.ReplaceAllString(text, "$1***$2")
	text = phones.ReplaceAllString(text, "$1****$2")
	return tokens.ReplaceAllString(text, "$1***")
}
