package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// auditView is the trail of what people did.
type auditView struct {
	Filters filters
	Query   string
	Lines   []auditLine
	Actors  []string // for the filter's list
	Newest  string   // back to the list's beginning; empty: this is it
	Older   string
}

// auditLine is one act in the reader's words.
type auditLine struct {
	ledger.Line
	Account string
	Batch   string // of an act over a batch
	Changes []amended
	Words   string // the detail, in words
}

// acts are those that stand in the trail, in the order of the filter's list. Their words are event.ACT.
var acts = []ledger.Act{
	ledger.ActSendAgain, ledger.ActClose, ledger.ActUndoClose, ledger.ActMarkShipped, ledger.ActAssign, ledger.ActNote, ledger.ActAsk, ledger.ActCancel,
	ledger.ActHold, ledger.ActRelease, ledger.ActReplay, ledger.ActImport, ledger.ActPrune, ledger.ActLogin, ledger.ActLogout,
}

func (q *request) audit() error {
	query := q.URL.Query()
	f := auditFilter(query)
	size := q.pageSize()
	lines, err := q.d.o.Book.Audit(q.Context(), f, size+1)
	if err != nil {
		return err
	}
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	v := auditView{Query: narrowed(query), Filters: q.auditFilters(query), Actors: q.d.o.Users.Names()}
	if f.Before != 0 {
		v.Newest = "/audit?" + with(query, "below", "")
	}
	if len(lines) > size {
		lines = lines[:size]
		older, err := url.ParseQuery(with(query, "below", ""))
		if err != nil {
			return err
		}
		older.Set("below", strconv.FormatInt(lines[len(lines)-1].ID, 10))
		v.Older = "/audit?" + older.Encode()
	}
	names := accounts.names()
	for _, line := range lines {
		v.Lines = append(v.Lines, q.lang.audited(line, names))
	}
	return q.page(http.StatusOK, "audit", v)
}

func auditFilter(query url.Values) ledger.AuditFilter {
	f := ledger.AuditFilter{
		Actor: strings.TrimSpace(query.Get("actor")), Act: ledger.Act(query.Get("act")), TradeNo: searched(query),
	}
	f.From, f.To = days(query)
	if id, err := strconv.ParseInt(query.Get("bulk"), 10, 64); err == nil && id > 0 {
		f.Bulk = id
	}
	if below, err := strconv.ParseInt(query.Get("below"), 10, 64); err == nil && below > 0 {
		f.Before = below
	}
	return f
}

func (q *request) auditFilters(query url.Values) filters {
	bar := filters{Action: "/audit", Text: searched(query), Hint: "audit.text_hint", Size: query.Get("size")}
	var options []option
	for _, a := range acts {
		options = append(options, option{Value: string(a), Label: q.lang.text("event." + string(a))})
	}
	bar.choose(q, selection{"audit.act", "act", options})
	bar.enter(q, input{Key: "audit.actor", Name: "actor", Type: "text", List: "actors"})
	bar.enter(q, input{Key: "filter.from", Name: "from", Type: "date"})
	bar.enter(q, input{Key: "filter.to", Name: "to", Type: "date"})
	bar.chip(q, "q", bar.Text, "filter.text")
	if id := auditFilter(query).Bulk; id != 0 {
		bar.Kept = append(bar.Kept, input{Name: "bulk", Value: strconv.FormatInt(id, 10)})
		bar.chip(q, "bulk", strconv.FormatInt(id, 10), "audit.of_bulk")
	}
	return bar
}

// audited tells a line in the reader's words.
func (l *language) audited(line ledger.Line, names map[string]string) auditLine {
	v := auditLine{Line: line, Account: names[line.Partner], Words: mask(line.Detail)}
	if v.Account == "" {
		v.Account = line.Partner
	}
	switch line.Act { //nolint:exhaustive // the detail of some acts is not for people; of the others it is
	case ledger.ActCancel, ledger.ActImport:
		v.Batch, v.Words = line.Detail, ""
	case ledger.ActHold:
		v.Words = strings.TrimPrefix(v.Words, ledger.HoldManual+": ")
	case ledger.ActLogin:
		v.Words = l.text("audit.from", v.Words)
	}
	fields := make([]string, 0, len(line.Before)+len(line.After))
	for _, values := range []map[string]string{line.Before, line.After} {
		for field := range values {
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	slices.Sort(fields)
	for _, field := range fields {
		if field == "filter" { // nothing was changed in it: it is what the act was done over
			v.Changes = append(v.Changes, amended{l.text("change.filter"), "–", l.over(line.Before[field], names)})
			continue
		}
		switch field {
		case "hold":
			v.Changes = append(v.Changes, amended{l.text("change.hold"), l.held(line.Before), l.held(line.After)})
		case "hold_code", "hold_kind", "hold_deaths": // said with the hold
		default:
			v.Changes = append(v.Changes, amended{l.maybe("change.", field), l.value(field, line.Before[field]), l.value(field, line.After[field])})
		}
	}
	return v
}

// over is what an act over many was done over, in words.
func (l *language) over(filter string, names map[string]string) string {
	if described := l.describe(filter, names); len(described) > 0 {
		return strings.Join(described, l.text("audit.and"))
	}
	return l.text("audit.everything")
}

// value is a field's value in words.
func (l *language) value(field, value string) string {
	switch {
	case value == "":
		return "–"
	case field == "state":
		return l.maybe("state.", value)
	case field == "deliveries":
		return l.maybe("events.state.", value)
	case field == "reason":
		return l.maybe("reason.", value)
	case field == "hold":
		return strings.TrimPrefix(mask(value), ledger.HoldManual+": ")
	case field == "looked":
		return l.maybe("audit.", value)
	case field == shipment.FieldTransportType:
		return l.transported(value)
	}
	return mask(value)
}
