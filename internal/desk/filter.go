package desk

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"fahuo/internal/beijing"
)

// filters is a list's filter bar: a form, and a chip for everything that narrows the list now.
type filters struct {
	Action  string // the list's address
	Text    string
	Hint    string // the key of what may be searched for, when it is not the usual
	Selects []selection
	Inputs  []input
	Kept    []input // what narrows and is no field: it came by a link
	Chips   []chip
	Faults  []string // what does not narrow although it was asked for
	Size    string   // page size, when it is not the usual one
}

type selection struct {
	Key, Name string // Key is the label's
	Options   []option
}

type option struct {
	Value, Label string
	Here         bool
}

type input struct{ Key, Name, Type, Value, List string }

type chip struct{ Label, To string }

// pager is where in a list a page is.
type pager struct {
	Total        int64
	Counting     bool // Total is not there yet
	Shown        bool
	From, To     int64
	Newer, Older string
	Sizes        []size
}

type size struct {
	Size int
	To   string
	Here bool
}

var pageSizes = []int{50, 100, 200}

// pageSize is the size asked for, if it is one of those there are.
func (q *request) pageSize() int {
	for _, n := range pageSizes {
		if q.FormValue("size") == strconv.Itoa(n) {
			return n
		}
	}
	return pageSizes[0]
}

// places are what says where in a list a page is; the rest of a query narrows.
var places = []string{"after", "before", "pos", "below", "looked"}

// with is a query with one value changed or, when it is empty, taken away; a changed filter begins at its first page.
func with(query url.Values, name, value string) string {
	next := make(url.Values)
	for k, v := range query {
		if !slices.Contains(places, k) && len(v) > 0 && v[0] != "" {
			next.Set(k, v[0])
		}
	}
	next.Del(name)
	if value != "" {
		next.Set(name, value)
	}
	return next.Encode()
}

// narrowed is a query without what says where in the list a page is.
func narrowed(query url.Values) string { return with(query, "size", "") }

// days are the days that a query narrows a list to: from the first on, and before what follows the last.
func days(query url.Values) (from, to time.Time) {
	from, to = day(query.Get("from")), day(query.Get("to"))
	if !to.IsZero() {
		to = to.AddDate(0, 0, 1) // the day itself is meant, too
	}
	return from, to
}

// day reads a date as the filter bar has it: Beijing's midnight. A date that is none does not narrow.
func day(text string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, text, beijing.Zone)
	if err != nil {
		return time.Time{}
	}
	return t
}
