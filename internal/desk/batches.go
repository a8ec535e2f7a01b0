package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// batchesView is the list of batches.
type batchesView struct {
	Filters filters
	Query   string // the filter as a query, for the exports
	Batches []batchLine
	Total   int64
	Newest  string // back to the list's beginning; empty: this is it
	Older   string
}

// batchLine is a batch and how far it has come.
type batchLine struct {
	ledger.Batch
	Parts    []part
	ETA      time.Time
	Unknown  string   // the key of why nobody can say; empty: ETA says it, or nothing waits
	Unserved []string // accounts of it that wait for a worker
}

// part is how much of a batch is in a state, and the stretch of the bar that shows it.
type part struct {
	State    shipment.State
	N        int64
	X, Width string // in thousandths
	Dead     bool
}

// Settled is what nobody waits for any more, in percent, rounded down so that 100 means all.
func (b batchLine) Settled() int64 {
	if b.Total == 0 {
		return 100
	}
	return (b.Total - b.Counts[shipment.Queued] - b.Counts[shipment.Calling]) * 100 / b.Total
}

// batchesAPage is how many batches stand on a page.
const batchesAPage = 50

// batches is the list, or with a name the page of one: a name may hold any character, and a query carries them all.
func (q *request) batches() error {
	if name := q.FormValue("name"); name != "" {
		return q.batch(name)
	}
	query := q.URL.Query()
	text := strings.TrimSpace(query.Get("q"))
	after := ledger.Batch{Name: query.Get("after")}
	if us, err := strconv.ParseInt(query.Get("at"), 10, 64); err == nil {
		after.FirstAt = time.UnixMicro(us)
	}
	list, err := q.d.o.Book.Batches(q.Context(), text, after, batchesAPage+1)
	if err != nil {
		return err
	}
	v := batchesView{Filters: filters{Action: "/batches", Text: text, Hint: "batches.text_hint"}}
	v.Filters.chip(q, "q", text, "filter.text")
	if v.Total, err = q.d.o.Book.CountBatches(q.Context(), text); err != nil {
		return err
	}
	search := url.Values{}
	if text != "" {
		search.Set("q", text)
	}
	v.Query = search.Encode()
	if after.Name != "" {
		v.Newest = "/batches?" + search.Encode()
	}
	if len(list) > batchesAPage {
		list = list[:batchesAPage]
		last := list[len(list)-1]
		search.Set("after", last.Name)
		search.Set("at", strconv.FormatInt(last.FirstAt.UnixMicro(), 10))
		v.Older = "/batches?" + search.Encode()
	}
	for _, b := range list {
		line, err := q.follow(b)
		if err != nil {
			return err
		}
		v.Batches = append(v.Batches, line)
	}
	return q.page(http.StatusOK, "batches", v)
}

// follow says how far a batch has come and when it will be done.
func (q *request) follow(b ledger.Batch) (batchLine, error) {
	line := batchLine{Batch: b}
	x := int64(0)
	for _, state := range []shipment.State{shipment.Shipped, shipment.Closed, shipment.Dead, shipment.Calling, shipment.Queued} {
		n := b.Counts[state]
		if n == 0 || b.Total == 0 {
			continue
		}
		width := max(4, n*1000/b.Total) // what is there is seen, however little it is
		line.Parts = append(line.Parts, part{state, n, strconv.FormatInt(min(x, 996), 10), strconv.FormatInt(width, 10), state == shipment.Dead})
		x += width
	}
	if b.Counts[shipment.Queued]+b.Counts[shipment.Calling] == 0 {
		return line, nil
	}
	type eta struct {
		at time.Time
		ok bool
	}
	known, err := counted(q.d.counts, "eta "+b.Name, func() (e eta, err error) {
		e.at, e.ok, err = q.d.o.Book.ETA(q.Context(), ledger.Scope{Batch: b.Name})
		return e, err
	})
	if err != nil {
		return line, err
	}
	if !known.ok {
		line.Unknown = "batches.eta_unknown"
		return line, nil
	}
	line.Unserved, err = q.unserved(b.Name)
	switch {
	case err != nil:
		return line, err
	case len(line.Unserved) > 0:
		line.Unknown = "overview.unserved"
	default:
		line.ETA = known.at
	}
	return line, nil
}

// unserved are the accounts for which something of a batch waits although no worker that works now serves them.
func (q *request) unserved(batch string) (partners []string, err error) {
	working, err := q.d.working(q.Context())
	if err != nil {
		return nil, err
	}
	waiting, err := counted(q.d.counts, "waiting in "+batch, func() ([]string, error) {
		return q.d.o.Book.PartnersWaiting(q.Context(), ledger.Scope{Batch: batch})
	})
	if err != nil {
		return nil, err
	}
	for _, partner := range waiting {
		if !slices.ContainsFunc(working, func(w ledger.Worker) bool { return w.Serves(partner) }) {
			partners = append(partners, partner)
		}
	}
	return partners, nil
}
