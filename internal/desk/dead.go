package desk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// deadView is the list of dead letters.
type deadView struct {
	Filters filters
	Query   string // the filter as a query, for what follows it
	Span    string // from the oldest to the newest death on this page, for what is picked here
	Causes  []cause
	Rows    []ledger.Row
	Names   map[string]string // of accounts
	Pager   pager
}

// deadEvery is how often the list of dead letters is read again while nobody does anything in it, in seconds.
const deadEvery = 15

// Live is when the page is to be read again: at once while its rows are being counted.
func (v deadView) Live() int {
	if v.Pager.Counting {
		return 1
	}
	return deadEvery
}

// cause is how many dead letters have one reason, and the list narrowed to it.
type cause struct {
	Reason shipment.Reason
	N      int64
	To     string
	Here   bool
}

func (q *request) deadLetters() error {
	query := q.URL.Query()
	f := deadFilter(query)
	page, _ := q.place()
	page.Size++ // one more says that there are more
	var rows []ledger.Row
	var groups []ledger.DeadGroup
	var there bool
	err := both(
		func() (err error) { rows, err = q.d.o.Book.DeadLetters(q.Context(), f, page); return err },
		func() (err error) { groups, there, err = q.countDead(f); return err },
	)
	if err != nil {
		return err
	}
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	v := deadView{Query: narrowed(query), Names: accounts.names()}
	total := int64(0)
	for _, g := range groups {
		if (f.Reason == "" || g.Reason == f.Reason) && (f.Code == "" || g.Code == f.Code) {
			total += g.N
		}
		i := slices.IndexFunc(v.Causes, func(c cause) bool { return c.Reason == g.Reason })
		if i < 0 {
			here := g.Reason == f.Reason
			to := string(g.Reason)
			if here {
				to = "" // a second click takes the filter away again
			}
			v.Causes = append(v.Causes, cause{Reason: g.Reason, To: "/dead?" + with(query, "reason", to), Here: here})
			i = len(v.Causes) - 1
		}
		v.Causes[i].N += g.N
	}
	v.Rows, v.Pager = paged(q, "/dead", rows, total, func(r ledger.Row) ledger.Cursor { return ledger.Cursor{At: r.SettledAt, ID: r.ID} })
	v.Pager.Counting = !there
	if n := len(v.Rows); n > 0 {
		v.Span = fmt.Sprintf("%d-%d", v.Rows[n-1].SettledAt.UnixMicro(), v.Rows[0].SettledAt.UnixMicro())
	}
	v.Filters = q.deadFilters(f, groups, accounts)
	return q.page(http.StatusOK, "dead", v)
}

// deadFilter reads a filter out of an address.
func deadFilter(query url.Values) ledger.DeadFilter {
	f := ledger.DeadFilter{
		Partner: query.Get("account"), Reason: shipment.Reason(query.Get("reason")), Code: query.Get("code"), TradeStatus: query.Get("status"),
		Batch: query.Get("batch"), Assignee: query.Get("assignee"), Text: shipment.Unwrap(query.Get("q")),
	}
	f.From, f.To = days(query)
	return f
}

// deadFilters is the filter bar.
func (q *request) deadFilters(f ledger.DeadFilter, groups []ledger.DeadGroup, accounts accountList) filters {
	query := q.URL.Query()
	bar := filters{Action: "/dead", Text: f.Text, Size: query.Get("size")}
	var codes []option
	for _, g := range groups {
		if g.Code != "" && !slices.ContainsFunc(codes, func(o option) bool { return o.Value == g.Code }) {
			codes = append(codes, option{Value: g.Code, Label: g.Code})
		}
	}
	var reasons []option
	for _, r := range shipment.Reasons() {
		reasons = append(reasons, option{Value: string(r), Label: q.lang.text("reason." + string(r))})
	}
	assignees := []option{{Value: ledger.Nobody, Label: q.lang.text("filter.nobody")}}
	for _, name := range q.d.o.Users.Names() {
		assignees = append(assignees, option{Value: name, Label: name})
	}
	var statuses []option
	for _, s := range tradeStatuses {
		statuses = append(statuses, option{Value: s, Label: q.lang.maybe("status.", s)})
	}
	for _, s := range []selection{
		{"col.account", "account", accounts.options()},
		{"col.reason", "reason", reasons},
		{"col.code", "code", codes},
		{"col.status", "status", statuses},
		{"col.assignee", "assignee", assignees},
	} {
		bar.choose(q, s)
	}
	for _, i := range []input{
		{Key: "col.batch", Name: "batch", Type: "text"}, {Key: "filter.from", Name: "from", Type: "date"}, {Key: "filter.to", Name: "to", Type: "date"},
	} {
		bar.enter(q, i)
	}
	bar.chip(q, "q", f.Text, "filter.text")
	return bar
}

// choose adds a selection; what is chosen in it becomes a chip. A value that is not among the options is kept: a
// filter that somebody has sent along must not change.
func (f *filters) choose(q *request, s selection) {
	value := q.URL.Query().Get(s.Name)
	i := slices.IndexFunc(s.Options, func(o option) bool { return o.Value == value })
	if value != "" && i < 0 {
		s.Options = append(s.Options, option{Value: value, Label: value})
		i = len(s.Options) - 1
	}
	if value != "" {
		s.Options[i].Here = true
		f.chip(q, s.Name, s.Options[i].Label, s.Key)
	}
	f.Selects = append(f.Selects, s)
}

// enter adds an input; what stands in it becomes a chip.
func (f *filters) enter(q *request, i input) {
	i.Value = q.URL.Query().Get(i.Name)
	if i.Type == "date" && i.Value != "" && day(i.Value).IsZero() {
		f.Faults = append(f.Faults, q.lang.text("filter.no_date", q.lang.text(i.Key), i.Value))
		i.Value = "" // a chip would say that it narrows
	}
	f.chip(q, i.Name, i.Value, i.Key)
	f.Inputs = append(f.Inputs, i)
}

// chip adds a chip that takes one part of the filter away.
func (f *filters) chip(q *request, name, label, key string) {
	if label != "" {
		f.Chips = append(f.Chips, chip{Label: q.lang.text(key) + " " + label, To: f.Action + "?" + with(q.URL.Query(), name, "")})
	}
}

// tradeStatuses are those in which dead letters are found, for the filter bar.
var tradeStatuses = []string{
	"WAIT_SELLER_SEND_GOODS", "COD_WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS", "COD_WAIT_BUYER_PAY", "WAIT_SYS_PAY_SELLER",
	"COD_WAIT_SYS_PAY_SELLER", "TRADE_FINISHED", "TRADE_CLOSED", "WAIT_BUYER_PAY", "WAIT_SYS_CONFIRM_PAY", "TRADE_SUCCESS",
}

// countDead counts dead letters by reason and code, unless that takes longer than a page may wait.
func (q *request) countDead(f ledger.DeadFilter) (groups []ledger.DeadGroup, there bool, err error) {
	return soon(q.Context(), q.d, deadKey(f), func(ctx context.Context) ([]ledger.DeadGroup, error) { return q.d.o.Book.CountDead(ctx, f) })
}

// deadKey is a filter, reason and code apart: they are counted whatever they are.
func deadKey(f ledger.DeadFilter) string {
	key := url.Values{
		"account": {f.Partner}, "status": {f.TradeStatus}, "batch": {f.Batch}, "assignee": {f.Assignee}, "q": {f.Text},
		"from": {f.From.String()}, "to": {f.To.String()},
	}
	return "dead " + key.Encode()
}

// both asks two questions at once and waits for both answers.
func both(one, other func() error) error {
	var wait sync.WaitGroup
	var otherErr error
	wait.Go(func() { otherErr = other() })
	err := one()
	wait.Wait()
	if err != nil {
		return err
	}
	return otherErr
}
