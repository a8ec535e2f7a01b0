package desk

import (
	"net/url"
	"strconv"
	"time"

	"fahuo/internal/ledger"
)

// A search by number goes two ways. What a number begins with, or the whole of it, stands in indexes and is found at
// once among any number of shipments. What stands inside a number does not: shipments are looked through from the
// newest on, a stretch for each request, and the page says how far it has looked and offers to go on.

// search is how a search by number went.
type search struct {
	Text   string
	Inside bool   // inside the numbers, and not only at their beginnings
	More   bool   // more were found than are shown
	Most   int64  // how many are shown at most
	To     string // the same search inside the numbers

	Looked int64     // shipments that were looked through, from the newest on
	Back   time.Time // when the oldest of them was accepted
	Next   string    // where to look further back; empty: nothing is left
}

const (
	foundMost = 200    // rows of a page of results
	stretch   = 50_000 // shipments that are looked through for one request
)

// find searches by number. Nothing found at a beginning is looked for inside the numbers right away.
func (q *request) find(text string, f ledger.ShipmentFilter) (*search, []ledger.Row, error) {
	s := &search{Text: text, Most: foundMost, To: "/shipments?" + with(q.URL.Query(), "inside", "yes")}
	if q.FormValue("inside") == "" {
		rows, err := q.d.o.Book.Find(q.Context(), text, foundMost+1)
		if err != nil {
			return nil, nil, err
		}
		if s.More = len(rows) > foundMost; s.More {
			rows = rows[:foundMost]
		}
		if rows = among(f, rows); len(rows) > 0 || s.More {
			return s, rows, nil
		}
	}
	s.Inside = true
	rows, err := q.findInside(s, f)
	return s, rows, err
}

// findInside looks through one stretch.
func (q *request) findInside(s *search, f ledger.ShipmentFilter) ([]ledger.Row, error) {
	below, errBelow := strconv.ParseInt(q.FormValue("below"), 10, 64)
	looked, errLooked := strconv.ParseInt(q.FormValue("looked"), 10, 64)
	if errBelow != nil || errLooked != nil || below <= 0 || looked < 0 {
		newest, err := q.d.o.Book.Shipments(q.Context(), ledger.ShipmentFilter{}, ledger.Page{Size: 1})
		if err != nil || len(newest) == 0 {
			return nil, err
		}
		below, looked = newest[0].ID+1, 0
	}
	rows, next, err := q.d.o.Book.FindInside(q.Context(), s.Text, below, stretch, foundMost)
	if err != nil {
		return nil, err
	}
	s.Looked = looked + below - max(next, 1)
	if next > 0 {
		if s.Back, err = q.d.o.Book.AcceptedFrom(q.Context(), next); err != nil {
			return nil, err
		}
		values, err := url.ParseQuery(with(q.URL.Query(), "inside", "yes"))
		if err != nil {
			return nil, err
		}
		values.Set("below", strconv.FormatInt(next, 10))
		values.Set("looked", strconv.FormatInt(s.Looked, 10))
		s.Next = "/shipments?" + values.Encode()
	}
	return among(f, rows), nil
}
