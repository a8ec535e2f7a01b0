package desk

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
)

// Lists are read from a row on, not from a number on: a page deep down costs as little as the first, and what comes
// in meanwhile moves nothing. The address of a page names the row after which it begins ("after"), or before which
// it ends ("before"), and the number of rows before it ("pos"), for people.

// place reads where in a list a page begins.
func (q *request) place() (p ledger.Page, pos int64) {
	p.Size = q.pageSize()
	pos, err := strconv.ParseInt(q.FormValue("pos"), 10, 64)
	if err != nil || pos < 0 {
		pos = 0
	}
	if c, ok := parseCursor(q.FormValue("before")); ok {
		p.After, p.Back = c, true
	} else if c, ok := parseCursor(q.FormValue("after")); ok {
		p.After = c
	} else {
		pos = 0
	}
	return p, pos
}

func parseCursor(text string) (c ledger.Cursor, ok bool) {
	at, id, found := strings.Cut(text, "-")
	us, err := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseInt(id, 10, 64)
	if !found || err != nil || err2 != nil {
		return ledger.Cursor{}, false
	}
	return ledger.Cursor{At: time.UnixMicro(us), ID: n}, true
}

func cursorText(c ledger.Cursor) string {
	return strconv.FormatInt(c.At.UnixMicro(), 10) + "-" + strconv.FormatInt(c.ID, 10)
}

// paged makes the pager of a page that was read with one row more than it shows: that one says that there are more.
// cursor is a row's place. The rows that are to be shown are returned.
func paged[T any](q *request, list string, rows []T, total int64, cursor func(T) ledger.Cursor) ([]T, pager) {
	place, pos := q.place()
	more := len(rows) > place.Size
	if more && place.Back {
		rows = rows[len(rows)-place.Size:]
	} else if more {
		rows = rows[:place.Size]
	}
	if place.Back && !more {
		pos = 0 // the list's beginning, whatever has come in meanwhile
	}
	query := q.URL.Query()
	p := pager{Total: total, Shown: len(rows) > 0, From: pos + 1, To: pos + int64(len(rows))}
	link := func(name, at string, pos int64) string {
		values, err := url.ParseQuery(with(query, name, at))
		if err != nil {
			return list
		}
		values.Set("pos", strconv.FormatInt(max(pos, 0), 10))
		return list + "?" + values.Encode()
	}
	if len(rows) > 0 {
		if older := more || place.Back; older {
			p.Older = link("after", cursorText(cursor(rows[len(rows)-1])), p.To)
		}
		if newer := place.Back && more || !place.Back && place.After != (ledger.Cursor{}); newer {
			p.Newer = link("before", cursorText(cursor(rows[0])), pos-int64(place.Size))
		}
	}
	for _, n := range pageSizes {
		p.Sizes = append(p.Sizes, size{n, list + "?" + with(query, "size", strconv.Itoa(n)), n == place.Size})
	}
	return rows, p
}
