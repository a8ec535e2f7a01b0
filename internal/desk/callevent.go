package desk

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
)

// callEvent tells of one call of the gateway: what was asked, what came back, and what that means.
func (l *language) callEvent(c ledger.Call) event {
	e := event{At: c.BegunAt, Kind: "query", Title: l.text("call.other")}
	kind := ""
	switch c.Service {
	case serviceQuery:
		kind, e.Title = "query", l.text("call.query")
	case serviceShip:
		kind, e.Title, e.Kind = "ship", l.text("call.ship"), "ship"
	}
	if !c.FinishedAt.IsZero() {
		e.At = c.FinishedAt
	}
	e.Facts = append(e.Facts, fact{Label: l.text("call.verdict"), Value: l.verdict(kind, c)})
	params := asked(c.Params)
	if kind == "ship" {
		for _, name := range []string{"logistics_name", "invoice_no", "transport_type"} {
			if value := params[name]; value != "" {
				if name == "transport_type" {
					value = l.transported(value)
				}
				e.Facts = append(e.Facts, fact{Label: l.text("change." + name), Value: mask(value)})
			}
		}
	}
	for _, f := range []fact{
		{Label: "call.status", Value: l.statused(c.TradeStatus)},
		{Label: "call.code", Value: l.coded(c.Code)},
		{Label: "call.refund", Value: mask(c.RefundStatus)},
	} {
		if f.Value != "" {
			e.Facts = append(e.Facts, fact{Label: l.text(f.Label), Value: f.Value})
		}
	}
	if c.Late {
		e.Marks = append(e.Marks, l.text("call.late"))
	}
	if c.TradeStatus != "" && !c.Verified { // refusals carry no signature, and need none
		e.Marks = append(e.Marks, l.text("call.unverified"))
	}
	took := ""
	if c.Duration > 0 {
		took = c.Duration.Round(time.Millisecond).String()
	}
	e.Machine = l.machine(
		fact{"call.service", c.Service, false}, fact{"call.began", exactly(c.BegunAt), false}, fact{"call.took", took, false},
		fact{"call.http", count(int64(c.HTTPStatus)), false}, fact{"call.worker", c.Worker, false}, fact{"call.attempt", count(c.Attempt), false},
		fact{"call.error", c.Error, false}, fact{"call.params", lines(params), true}, fact{"call.answer", c.Body, true},
	)
	return e
}

// verdict is what an answer was taken for, in words.
func (l *language) verdict(kind string, c ledger.Call) string {
	switch {
	case c.FinishedAt.IsZero():
		return l.text("verdict.none")
	case kind != "" && l.say["verdict."+kind+"."+c.Verdict] != "":
		return l.say["verdict."+kind+"."+c.Verdict]
	}
	return mask(c.Verdict)
}

// asked reads the parameters of a call. No secret is recorded with them; should one ever be, it is not shown (A2).
func asked(text string) map[string]string {
	params := make(map[string]string)
	if err := json.Unmarshal([]byte(text), &params); err != nil {
		return map[string]string{"": text}
	}
	for _, secret := range []string{"sign", "key", "private_key", "secret"} {
		delete(params, secret)
	}
	return params
}

func lines(params map[string]string) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		out.WriteString(strings.TrimPrefix(name+" = ", " = ") + params[name] + "\n")
	}
	return strings.TrimSpace(out.String())
}

// exactly is a time to the millisecond, with its zone.
func exactly(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing.Zone).Format("2006-01-02 15:04:05.000 (UTC+8)")
}
