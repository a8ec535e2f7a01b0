package desk

import (
	"strconv"
	"time"

	"fahuo/internal/ledger"
)

// holdWords is why an account is on hold, in the reader's words.
type holdWords struct {
	Since  time.Time
	Code   string // Alipay's; empty: a person has set it
	Why    string // what the code means
	Detail string // what somebody has written down then
}

// hold says in words why an account is on hold; nil when it is not.
func (l *language) hold(h *ledger.Hold) *holdWords {
	if h == nil {
		return nil
	}
	if h.Code == ledger.HoldManual {
		return &holdWords{Since: h.Since, Why: l.text("hold.manual"), Detail: mask(h.Reason)}
	}
	w := &holdWords{Since: h.Since, Code: h.Code, Why: l.text("hold.refused")}
	if words, ok := l.say["code."+h.Code]; ok {
		w.Why = words
	}
	switch h.Kind {
	case ledger.HoldShipRefused, ledger.HoldQueryRefused, ledger.HoldBadAnswers: // the code has said it
	case ledger.HoldSameDeaths:
		w.Why += " " + l.text("hold.same_deaths", strconv.FormatInt(h.Deaths, 10))
	case ledger.HoldInWords:
		w.Detail = mask(h.Reason)
	}
	return w
}

// held is a hold among what an act has changed, in one line.
func (l *language) held(fields map[string]string) string {
	if w := l.hold(ledger.HoldIn(fields)); w != nil {
		return l.text("case.with_code", w.Why, w.Code)
	}
	return l.value("hold", fields["hold"])
}
