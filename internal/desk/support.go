package desk

import (
	"strings"
	"time"

	"fahuo/internal/ledger"
)

// support is one text with everything that Alipay's support asks for.
func (l *language) support(r ledger.Row, calls []ledger.Call) string {
	var ship, query ledger.Call
	for _, c := range calls { // oldest first
		switch c.Service {
		case serviceShip:
			ship = c
		case serviceQuery:
			query = c
		}
	}
	status := r.TradeStatus
	if status == "" {
		status = query.TradeStatus
	}
	code := r.ErrorCode
	if code == "" {
		code = ship.Code
	}
	var out strings.Builder
	for _, f := range []fact{
		{Label: "support.partner", Value: r.Partner},
		{Label: "support.trade_no", Value: mask(r.TradeNo)},
		{Label: "support.order_ref", Value: mask(r.OrderRef)},
		{Label: "support.code", Value: l.coded(code)},
		{Label: "support.status", Value: l.statused(status)},
		{Label: "support.refund", Value: mask(r.RefundStatus)},
		{Label: "support.called", Value: zoned(ship.BegunAt)},
		{Label: "support.queried", Value: zoned(query.BegunAt)},
	} {
		if f.Value == "" && f.Label == "support.refund" {
			continue
		}
		if f.Value == "" {
			f.Value = l.text("support.none")
		}
		out.WriteString(l.text(f.Label) + l.text("support.colon") + f.Value + "\n")
	}
	return strings.TrimSpace(out.String())
}

// zoned is a time as somebody elsewhere reads it.
func zoned(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return clock(t) + " (UTC+8)"
}
