package ledger

import (
	"strconv"
	"time"
)

// Hold is why and since when nobody may call for an account.
type Hold struct {
	Code   string // Alipay's code, or "manual"
	Kind   HoldKind
	Deaths int64  // with HoldSameDeaths: how many
	Reason string // in English, for logs and operators
	Since  time.Time
}

// HoldKind is why an account was held, for pages that say it in the reader's language.
type HoldKind string

// Why an account was held.
const (
	HoldInWords      HoldKind = "" // the reason is in somebody's own words
	HoldShipRefused  HoldKind = "ship_refused"
	HoldQueryRefused HoldKind = "query_refused"
	HoldSameDeaths   HoldKind = "same_deaths"
	HoldBadAnswers   HoldKind = "bad_answers" // their signatures do not verify
)

// HoldManual is the code of a hold that a person has set.
const HoldManual = "manual"

// hold is the hold that a move asks for.
func (m Move) hold() Hold {
	kind := HoldShipRefused
	if m.queried {
		kind = HoldQueryRefused
	}
	return Hold{Code: m.Code, Kind: kind, Reason: m.Detail}
}

// text is a hold in one line of history.
func (h Hold) text() string { return h.Code + ": " + h.Reason }

// values are a hold as an act has found or left it. A kind stands beside the text, for pages.
func (h Hold) values() map[string]string {
	fields := map[string]string{"hold": h.text()}
	if h.Kind != HoldInWords {
		fields["hold_code"], fields["hold_kind"], fields["hold_deaths"] = h.Code, string(h.Kind), strconv.FormatInt(h.Deaths, 10)
	}
	return fields
}

// HoldIn is the hold among the values of a line of history; nil when no kind stands there.
func HoldIn(fields map[string]string) *Hold {
	if fields["hold_kind"] == "" {
		return nil
	}
	deaths, err := strconv.ParseInt(fields["hold_deaths"], 10, 64)
	if err != nil {
		return nil
	}
	return &Hold{Code: fields["hold_code"], Kind: HoldKind(fields["hold_kind"]), Deaths: deaths}
}
