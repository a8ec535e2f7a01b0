package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"fahuo/internal/ledger"
)

// An act over many goes: pick in the list, say why or to whom (order), look at what it would be done to (preview),
// confirm, watch. The ledger keeps what was shown; only while a preview is being made is it this process's alone.

// orderView asks what is still missing for an act over many: a reason, an assignee.
type orderView struct {
	Act       ledger.Act
	Picked    int
	All       bool
	IDs       []string
	Filter    string
	Span      string
	Back      string
	People    []string
	Why       string
	Fault     string
	Described []string // what the list is narrowed by
}

// bulkOrder takes what was picked in the list, or everything that matches.
func (q *request) bulkOrder() error {
	v := orderView{
		Act: ledger.Act(q.PostFormValue("act")), All: q.PostFormValue("all") == "yes", IDs: q.PostForm["id"],
		Filter: q.PostFormValue("filter"), Span: q.PostFormValue("span"), People: q.d.o.Users.Names(), Why: q.PostFormValue("why"),
	}
	query, err := url.ParseQuery(v.Filter)
	if err != nil || !slices.Contains([]ledger.Act{ledger.ActSendAgain, ledger.ActClose, ledger.ActAssign}, v.Act) {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	v.Filter = narrowed(query)
	v.Back, v.Picked = deadList(v.Filter), len(v.IDs)
	if v.Described, err = q.describe(v.Filter); err != nil {
		return err
	}
	order := ledger.BulkOrder{Act: v.Act, Actor: q.user.Name, Filter: v.Filter, Matching: deadFilter(query)}
	switch {
	case v.All:
	case v.Picked == 0:
		v.Fault = "bulk.nothing"
		return q.page(http.StatusUnprocessableEntity, "order", v)
	default:
		if order.Only, err = ids(v.IDs); err != nil {
			return &problem{http.StatusBadRequest, "error.form"}
		}
		query.Set("picked", strconv.Itoa(v.Picked))
		order.Filter = narrowed(query)
		narrowTo(&order.Matching, v.Span)
	}
	argument, missing, fault := q.argument(v)
	if missing {
		v.Fault = fault
		status := http.StatusOK
		if fault != "" {
			status = http.StatusUnprocessableEntity
		}
		return q.page(status, "order", v)
	}
	order.Argument = argument
	return q.preview(order)
}

// argument is what an act over many needs besides; missing when the page has to ask for it, with what was wrong if
// it has asked already.
func (q *request) argument(v orderView) (argument string, missing bool, fault string) {
	switch v.Act { //nolint:exhaustive // the others are no acts over many
	case ledger.ActClose:
		why := strings.TrimSpace(v.Why)
		if !q.PostForm.Has("why") {
			return "", true, ""
		}
		if why == "" || utf8.RuneCountInString(why) > maxWhy {
			return "", true, "fault.why"
		}
		return why, false, ""
	case ledger.ActAssign:
		to := q.PostFormValue("to")
		switch {
		case !q.PostForm.Has("to"):
			return "", true, ""
		case to == ledger.Nobody:
			return "", false, ""
		case !slices.Contains(v.People, to):
			return "", true, "fault.to"
		}
		return to, false, ""
	}
	return "", false, ""
}

func ids(texts []string) (all []int64, err error) {
	for _, text := range texts {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	return all, nil
}

// narrowTo looks for picked rows where the page had them: "oldest-newest" times of death. Nothing depends on it but
// how much is read.
func narrowTo(f *ledger.DeadFilter, span string) {
	from, to, _ := strings.Cut(span, "-")
	oldest, err := strconv.ParseInt(from, 10, 64)
	newest, err2 := strconv.ParseInt(to, 10, 64)
	if err != nil || err2 != nil || oldest <= 0 || newest < oldest {
		return
	}
	f.From, f.To = time.UnixMicro(oldest), time.UnixMicro(newest+1)
}

// deadList is the list of dead letters with a filter.
func deadList(filter string) string {
	query, err := url.ParseQuery(filter)
	if err != nil {
		return "/dead"
	}
	if rest := with(query, "picked", ""); rest != "" {
		return "/dead?" + rest
	}
	return "/dead"
}

// describe says what a list is narrowed by.
func (q *request) describe(filter string) ([]string, error) {
	accounts, err := q.d.accounts(q.Context())
	return q.lang.describe(filter, accounts.names()), err
}

func (l *language) describe(filter string, names map[string]string) (all []string) {
	query, err := url.ParseQuery(filter)
	if err != nil {
		return nil // a filter that cannot be read narrows nothing, and none is made here
	}
	for _, f := range []struct {
		name, key string
		date      bool
	}{
		{name: "q", key: "filter.text"},
		{name: "account", key: "col.account"},
		{name: "reason", key: "col.reason"},
		{name: "code", key: "col.code"},
		{name: "status", key: "col.status"},
		{name: "assignee", key: "col.assignee"},
		{name: "batch", key: "col.batch"},
		{name: "from", key: "filter.from", date: true},
		{name: "to", key: "filter.to", date: true},
	} {
		value := query.Get(f.name)
		switch {
		case value == "", f.date && day(value).IsZero():
			continue
		case f.name == "account" && names[value] != "":
			value = names[value]
		case f.name == "reason":
			value = l.maybe("reason.", value)
		case f.name == "status":
			value = l.maybe("status.", value)
		case f.name == "assignee" && value == ledger.Nobody:
			value = l.text("filter.nobody")
		}
		all = append(all, l.text(f.key)+" "+mask(value))
	}
	if n, err := strconv.ParseInt(query.Get("picked"), 10, 64); err == nil {
		all = append(all, l.plural("bulk.by_hand", n))
	}
	return all
}
