package desk

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// eventsView is the list of what order systems were told by webhook.
type eventsView struct {
	Filters    filters
	Query      string
	Deliveries []ledger.Delivery
	Total      int64 // of what matches; counted for operators, who may have it all sent again
	Newest     string
	Older      string
}

func (q *request) events() error {
	query := q.URL.Query()
	f := deliveryFilter(query)
	size := q.pageSize()
	found, err := q.d.o.Book.Deliveries(q.Context(), f, deliveryPlace(query), size+1)
	if err != nil {
		return err
	}
	v := eventsView{Query: narrowed(query)}
	if v.Filters, err = q.eventFilters(query); err != nil {
		return err
	}
	if query.Get("after") != "" {
		v.Newest = "/events?" + v.Query
	}
	if len(found) > size {
		found = found[:size]
		last := found[size-1].Cursor()
		v.Older = "/events?" + with(query, "", "") + "&after=" + strconv.FormatInt(last.Event, 10) + "-" + strconv.FormatInt(last.Endpoint, 10)
	}
	v.Deliveries = found
	if q.user.Role == Operator && len(found) > 0 {
		counts, err := counted(q.d.counts, "events "+v.Query, func() (map[ledger.DeliveryState]int64, error) {
			return q.d.o.Book.CountDeliveries(q.Context(), f)
		})
		if err != nil {
			return err
		}
		for state, n := range counts {
			if f.State == "" || f.State == state {
				v.Total += n
			}
		}
	}
	return q.page(http.StatusOK, "events", v)
}

// deliveryFilter reads what the list is narrowed by. A text is an event's id or a whole trade number.
func deliveryFilter(query url.Values) ledger.DeliveryFilter {
	f := ledger.DeliveryFilter{State: ledger.DeliveryState(query.Get("state"))}
	f.From, f.To = days(query)
	if id, err := strconv.ParseInt(query.Get("webhook"), 10, 64); err == nil {
		f.Endpoint = id
	}
	if text := searched(query); strings.HasPrefix(text, "evt_") {
		f.Event = text
	} else {
		f.Key = shipment.Key{TradeNo: text}
	}
	return f
}

func deliveryPlace(query url.Values) (c ledger.DeliveryCursor) {
	event, endpoint, _ := strings.Cut(query.Get("after"), "-")
	var err error
	if c.Event, err = strconv.ParseInt(event, 10, 64); err == nil {
		c.Endpoint, err = strconv.ParseInt(endpoint, 10, 64)
	}
	if err != nil {
		return ledger.DeliveryCursor{}
	}
	return c
}

func (q *request) eventFilters(query url.Values) (filters, error) {
	bar := filters{Action: "/events", Text: searched(query), Hint: "events.text_hint", Size: query.Get("size")}
	var states, hooks []option
	for _, s := range ledger.DeliveryStates() {
		states = append(states, option{Value: string(s), Label: q.lang.text("events.state." + string(s))})
	}
	all, err := q.d.o.Book.Endpoints(q.Context())
	if err != nil {
		return bar, err
	}
	for _, e := range all {
		hooks = append(hooks, option{Value: strconv.FormatInt(e.ID, 10), Label: e.String()})
	}
	bar.choose(q, selection{"events.state", "state", states})
	bar.choose(q, selection{"events.webhook", "webhook", hooks})
	bar.enter(q, input{Key: "filter.from", Name: "from", Type: "date"})
	bar.enter(q, input{Key: "filter.to", Name: "to", Type: "date"})
	bar.chip(q, "q", bar.Text, "filter.text")
	return bar, nil
}

// replayEvents has one delivery sent again, or everything that the list it was asked from is narrowed to. The trail has
// it before anything is put in line.
func (q *request) replayEvents() error {
	back, err := url.Parse(q.back())
	if err != nil || back.Path != "/events" {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	f := deliveryFilter(back.Query())
	if q.PostFormValue("all") != "yes" {
		endpoint, err := strconv.ParseInt(q.PostFormValue("webhook"), 10, 64)
		if err != nil || q.PostFormValue("event") == "" {
			return &problem{http.StatusBadRequest, "error.form"}
		}
		f = ledger.DeliveryFilter{Event: q.PostFormValue("event"), Endpoint: endpoint}
	}
	n, err := q.d.o.Book.Replay(q.Context(), f, q.user.Name)
	switch {
	case err != nil:
		return err
	case n == 0: // to webhooks that are configured no more
		return &problem{http.StatusConflict, "events.nobody"}
	}
	return q.done(q.back(), "events_replayed", n)
}
