package desk

import (
	"regexp"
	"time"

	"fahuo/internal/ledger"
)

// holdWords is why an account is on hold, in the reader's words.
type holdWords struct {
	Since  time.Time
	Code   string // Alipay's; empty: a person has set it
	Why    string // what the code means
	Detail string // what was written down then
}

// sameDeaths is how the ledger words a hold after many deaths of one kind.
var sameDeaths = regexp.MustCompile(`^([0-9]+) shipments in a row died with this code$`)

// hold says in words why an account is on hold; nil when it is not.
func (l *language) hold(h *ledger.Hold) *holdWords {
	if h == nil {
		return nil
	}
	if h.Code == ledger.HoldManual {
		return &holdWords{Since: h.Since, Why: l.text("hold.manual"), Detail: mask(h.Reason)}
	}
	w := &holdWords{Since: h.Since, Code: h.Code, Why: l.text("hold.refused"), Detail: mask(h.Reason)}
	if words, ok := l.say["code."+h.Code]; ok {
		w.Why = words
	}
	if m := sameDeaths.FindStringSubmatch(h.Reason); m != nil {
		w.Detail = l.text("hold.same_deaths", m[1])
	}
	if h.Reason == "a ship call was refused for the account's sake" {
		w.Detail = ""
	}
	return w
}
