package alipay

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxRecord = 4 << 10 // bytes of an answer that are kept
	maxError  = 300     // characters of an error's text
	maxCode   = 64      // characters of an error code
)

// What a record must not show. Elements that were cut off at the end of a text count, too.
var (
	signatures = regexp.MustCompile(`(?s)<sign(?:\s[^>]*)?>.*?(</sign|$)`)
	personal   = regexp.MustCompile(`(?s)<(receiver?_[a-z_]*|buyer_(?:name|account|user_id|id|phone|mobile|login_id))(?:\s[^>]*)?>.*?(</receive|</buyer|$)`)
	logins     = regexp.MustCompile(`<(buyer_(?:login_)?email)(?:\s[^>]*)?>[^<*]+(<|$)`)
	emails     = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)
	phones     = regexp.MustCompile(`\b(?:(?:00)?86-?)?1[3-9][0-9]{9}\b`)
	tokens     = regexp.MustCompile(`(?i)\b(key|sign)=[^&\s<"']+`)
)

// record is what the ledger keeps of an answer: without the signature, a buyer's data masked (R3), valid
// UTF-8 without NUL, which PostgreSQL cannot keep.
func record(text string) string {
	text = text[:min(len(text), 4*maxRecord)]
	text = signatures.ReplaceAllString(text, "<sign>"+hidden+"$1")
	text = personal.ReplaceAllString(text, "<$1>"+hidden+"$2")
	text = mask(text)
	// A login that is neither e-mail nor telephone number has not been masked yet.
	text = logins.ReplaceAllString(text, "<$1>"+hidden+"$2")
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "�")
	if len(text) <= maxRecord {
		return text
	}
	end := maxRecord
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// mask hides e-mail addresses, mobile numbers and signatures in any text, leaving enough of an address
// to recognize it.
func mask(text string) string {
	text = emails.ReplaceAllStringFunc(text, func(s string) string {
		_, domain, _ := strings.Cut(s, "@")
		return s[:1] + hidden + "@" + domain
	})
	text = phones.ReplaceAllStringFunc(text, func(s string) string {
		number := len(s) - 11
		return s[:number+3] + "****" + s[number+7:]
	})
	return tokens.ReplaceAllString(text, "$1="+hidden)
}

// clip shortens a text to so many characters.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// briefly makes an error fit for logs and the ledger: short and masked. Errors of libraries quote what
// the peer sent. What it wraps is still found by errors.Is.
func briefly(err error) error {
	if err == nil {
		return nil
	}
	return &brief{text: clip(strings.ToValidUTF8(mask(err.Error()), "�"), maxError), cause: err}
}

type brief struct {
	text  string
	cause error
}

func (b *brief) Error() string { return b.text }

func (b *brief) Unwrap() error { return b.cause }
