package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// shipmentsView is the list of all shipments, live and settled.
type shipmentsView struct {
	Filters filters
	Query   string
	States  []stateChip
	Rows    []ledger.Row
	Names   map[string]string
	Pager   *pager // nil: a search by number is no list with pages
	Search  *search
}

// stateChip is how many shipments are in a state, and the list narrowed to it.
type stateChip struct {
	State shipment.State
	N     int64
	To    string
	Here  bool
}

func (q *request) shipments() error {
	query := q.URL.Query()
	f := shipmentFilter(query)
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	v := shipmentsView{Query: narrowed(query), Names: accounts.names(), Filters: q.shipmentFilters(query, accounts)}
	if text := searched(query); text != "" {
		v.Search, v.Rows, err = q.find(text, f)
		if err != nil {
			return err
		}
		return q.page(http.StatusOK, "shipments", v)
	}
	page, _ := q.place()
	page.Size++ // one more says that there are more
	var counts map[shipment.State]int64
	var there bool
	err = both(
		func() (err error) { v.Rows, err = q.d.o.Book.Shipments(q.Context(), f, page); return err },
		func() (err error) { counts, there, err = q.countShipments(f); return err },
	)
	if err != nil {
		return err
	}
	total := int64(0)
	for _, state := range shipment.States() {
		if f.State == "" || f.State == state {
			total += counts[state]
		}
		to, here := string(state), state == f.State
		if here {
			to = "" // a second click takes the filter away again
		}
		v.States = append(v.States, stateChip{state, counts[state], "/shipments?" + with(query, "state", to), here})
	}
	rows, p := paged(q, "/shipments", v.Rows, total, func(r ledger.Row) ledger.Cursor { return ledger.Cursor{At: r.AcceptedAt, ID: r.ID} })
	p.Counting = !there
	v.Rows, v.Pager = rows, &p
	return q.page(http.StatusOK, "shipments", v)
}

// shipmentFilter reads a filter out of an address.
func shipmentFilter(query url.Values) ledger.ShipmentFilter {
	f := ledger.ShipmentFilter{Partner: query.Get("account"), State: shipment.State(query.Get("state")), Batch: query.Get("batch")}
	f.From, f.To = days(query)
	return f
}

// searched is the number that is searched for, without what a spreadsheet puts around it.
func searched(query url.Values) string { return strings.TrimSpace(shipment.Unwrap(query.Get("q"))) }

func (q *request) shipmentFilters(query url.Values, accounts accountList) filters {
	bar := filters{Action: "/shipments", Text: searched(query), Hint: "shipments.text_hint", Size: query.Get("size")}
	var states []option
	for _, s := range shipment.States() {
		states = append(states, option{Value: string(s), Label: q.lang.text("state." + string(s))})
	}
	bar.choose(q, selection{"col.account", "account", accounts.options()})
	bar.choose(q, selection{"shipments.state", "state", states})
	bar.enter(q, input{Key: "col.batch", Name: "batch", Type: "text"})
	bar.enter(q, input{Key: "shipments.from", Name: "from", Type: "date"})
	bar.enter(q, input{Key: "shipments.to", Name: "to", Type: "date"})
	bar.chip(q, "q", bar.Text, "filter.text")
	return bar
}

// Counting tells that the number of rows is not there yet.
func (v shipmentsView) Counting() bool { return v.Pager != nil && v.Pager.Counting }

// countShipments counts by state, whatever state the filter has, unless that takes longer than a page may wait.
func (q *request) countShipments(f ledger.ShipmentFilter) (counts map[shipment.State]int64, there bool, err error) {
	f.State = ""
	return soon(q.Context(), q.d, shipmentsKey(f), func(ctx context.Context) (map[shipment.State]int64, error) {
		return q.d.o.Book.CountShipments(ctx, f)
	})
}

// shipmentsKey is a filter, the state apart: all are counted.
func shipmentsKey(f ledger.ShipmentFilter) string {
	key := url.Values{"account": {f.Partner}, "batch": {f.Batch}, "from": {f.From.String()}, "to": {f.To.String()}}
	return "shipments " + key.Encode()
}

// matches tells whether a row that a search by number has found is in the filter, too.
func matches(f ledger.ShipmentFilter, r ledger.Row) bool {
	return (f.Partner == "" || r.Partner == f.Partner) && (f.State == "" || r.State == f.State) && (f.Batch == "" || r.Batch == f.Batch) &&
		!r.AcceptedAt.Before(f.From) && (f.To.IsZero() || r.AcceptedAt.Before(f.To))
}

// among are the rows in the filter.
func among(f ledger.ShipmentFilter, rows []ledger.Row) []ledger.Row {
	return slices.DeleteFunc(rows, func(r ledger.Row) bool { return !matches(f, r) })
}
