package desk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// event is one thing that has happened to a shipment: an act, a change of state, a call of the gateway. Everything
// in it is fit to be shown: masked, and in the reader's language but for Machine.
type event struct {
	At      time.Time
	Kind    string // person, query, ship, state: for colour and shape
	Title   string
	Who     string
	From    shipment.State
	To      shipment.State
	Bulk    int64
	Text    string // a reason, a note
	Changes []amended
	Facts   []fact
	Marks   []string
	Machine []fact // for whoever wants to know exactly
	id      int64
}

// amended is a value before and after an act.
type amended struct{ Label, Old, New string }

// fact is a value with its name. A long one stands in a box of its own.
type fact struct {
	Label, Value string
	Long         bool
}

// timeline merges what was done and what was called, the newest first.
func (l *language) timeline(lines []ledger.Line, calls []ledger.Call) []event {
	var events []event
	for _, c := range calls {
		events = append(events, l.callEvent(c))
	}
	for i, line := range lines {
		if !told(lines, calls, i) {
			events = append(events, l.lineEvent(line))
		}
	}
	slices.SortStableFunc(events, func(a, b event) int {
		// What follows from an answer is written at the same moment, and comes after it.
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.id, a.id))
	})
	return events
}

// told tells whether a line says nothing that is not said already: that a call was begun, which the call itself
// tells, and that a person wanted something cancelled which then was.
func told(lines []ledger.Line, calls []ledger.Call, i int) bool {
	line := lines[i]
	switch line.Act { //nolint:exhaustive // the others stand alone
	case ledger.ActBegun:
		return slices.ContainsFunc(calls, func(c ledger.Call) bool { return c.Service == serviceShip && c.BegunAt.Equal(line.At) })
	case ledger.ActCancel:
		return line.Audit && slices.ContainsFunc(lines, func(other ledger.Line) bool {
			return !other.Audit && other.Act == ledger.ActCancel && other.At.Equal(line.At)
		})
	}
	return false
}

// people tells whether an act is one of a person.
func people(line ledger.Line) bool {
	return line.Audit || line.Bulk != 0 || line.Act == ledger.ActCancel
}

func (l *language) lineEvent(line ledger.Line) event {
	e := event{At: line.At, Kind: "state", Title: l.text("event." + string(line.Act)), Bulk: line.Bulk, id: line.ID}
	if l.say["event."+string(line.Act)] == "" {
		e.Title = l.text("event.other")
	}
	if line.From != line.To && line.From != "" && line.To != "" {
		e.From, e.To = line.From, line.To
	}
	if people(line) {
		e.Kind, e.Who = "person", line.Actor
		if line.Act != ledger.ActCancel { // whose detail is the machine's
			e.Text = mask(line.Detail)
		}
		e.Changes = l.changes(line)
		return e
	}
	switch line.Act { //nolint:exhaustive // the others have their detail for whoever wants to know exactly
	case ledger.ActChecked, ledger.ActEvidence:
		e.Kind = "query"
		found := strings.TrimPrefix(line.Detail, "found by query: ")
		if said := l.saying(found); said != "" {
			e.Facts = append(e.Facts, fact{Label: l.text("call.found"), Value: said})
		}
	case ledger.ActNotified: // the trade's status, and what else there is after a blank
		status, _, _ := strings.Cut(line.Detail, " ")
		if said := l.saying(status); said != "" {
			e.Facts = append(e.Facts, fact{Label: l.text("call.status"), Value: said})
		}
	}
	e.Machine = l.machine(fact{"call.worker", line.Actor, false}, fact{"case.detail", line.Detail, len(line.Detail) > 80})
	return e
}

// saying is a status or a code of Alipay's in words; empty when it is neither.
func (l *language) saying(word string) string {
	if l.say["status."+word] != "" {
		return l.statused(word)
	}
	if said := l.coded(word); said != word {
		return said
	}
	return ""
}

// changes are what an act of a person changed, in the order in which people read it.
func (l *language) changes(line ledger.Line) (all []amended) {
	for _, name := range []string{
		shipment.FieldLogisticsName, shipment.FieldInvoiceNo, shipment.FieldTransportType, "assignee", "looked",
	} {
		before, after := line.Before[name], line.After[name]
		if before == after {
			continue
		}
		switch name {
		case "looked":
			all = append(all, amended{Label: l.text("change.looked")})
			continue
		case shipment.FieldTransportType:
			before, after = l.transported(before), l.transported(after)
		}
		all = append(all, amended{l.text("change." + name), mask(before), mask(after)})
	}
	return all
}

// coded is a code of Alipay's with a sentence; one that nobody has met is shown as it came.
func (l *language) coded(code string) string {
	key := "code." + strings.Join(strings.Fields(strings.ToUpper(code)), "_")
	if l.say[key] == "" {
		return mask(code)
	}
	return l.text("case.with_code", l.say[key], code)
}

// statused is a status of a trade in words, with Alipay's own.
func (l *language) statused(status string) string {
	if l.say["status."+status] == "" {
		return mask(status)
	}
	return l.text("case.with_code", l.say["status."+status], status)
}

// found is what a query says about a trade: the status in words, and where there are none what it comes to.
func (l *language) found(f ledger.Finding, status string) string {
	switch {
	case f == "" || l.say["status."+status] != "":
		return l.statused(status)
	case status == "":
		return l.text("found." + string(f))
	}
	return l.text("case.with_code", l.text("found."+string(f)), mask(status))
}

func (l *language) transported(kind string) string {
	if l.say["transport."+kind] == "" {
		return mask(kind)
	}
	return l.say["transport."+kind]
}

// machine takes what there is of some facts, whose labels are keys.
func (l *language) machine(facts ...fact) (kept []fact) {
	for _, f := range facts {
		if f.Value != "" {
			kept = append(kept, fact{l.text(f.Label), mask(f.Value), f.Long})
		}
	}
	return kept
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
