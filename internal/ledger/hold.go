package ledger

import (
	"context"
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

// noticedWithin is how long workers take to notice a release, and some.
const noticedWithin = 3 * time.Second

// giveWay puts off what Alipay has refused for the account's sake, by two calls of others, if there is anything else in
// line.
func (t *tx) giveWay(a Account, actor string) error {
	rows, err := listIn(t.ctx, t.Tx, t.dialect, scanRow, t.dialect.selectRow()+`WHERE partner = ? AND state = 'queued' AND begun = 1 AND holds > 0 AND EXISTS
		(SELECT 1 FROM shipments WHERE partner = ? AND state = 'queued' AND holds = 0)`, a.Partner, a.Partner)
	if err != nil {
		return err
	}
	later := t.now + (noticedWithin + 2*a.Interval).Microseconds()
	for _, r := range rows {
		if err := t.exec(`UPDATE shipments SET not_before = ? WHERE id = ?`, max(later, micros(r.NotBefore)), r.ID); err != nil {
			return err
		}
		if err := t.backInLine(r, actor, "released, and it lets others go first: Alipay has refused it for the account's sake"); err != nil {
			return err
		}
	}
	return nil
}

// OthersPass tells whether Alipay, since it last refused a shipment for the account's sake, has answered for others of
// the account: then the account is not what is wrong. False for one that it has not refused so.
func (l *Ledger) OthersPass(ctx context.Context, r Row) (bool, error) {
	if r.Holds == 0 {
		return false, nil
	}
	n, err := first(ctx, l, scanCount, `SELECT COUNT(*) FROM (SELECT 1 FROM calls WHERE partner = ? AND trade_no <> ?
		AND verdict IN ('succeeded', 'busy', 'out_of_step', 'shipment_fault') AND finished_at <> 0 AND id >
			(SELECT COALESCE(MAX(id), 0) FROM calls WHERE partner = ? AND trade_no = ? AND verdict = 'account_fault')
		LIMIT 1) pass`, r.Partner, r.TradeNo, r.Partner, r.TradeNo)
	return n > 0, err
}
