package desk

import (
	"net/http"
	"slices"

	"fahuo/internal/ledger"
)

// conflictView tells whoever comes second what has happened since his page was made.
type conflictView struct {
	Act    string // what he wanted
	Row    ledger.Row
	Case   string
	Events []event
}

// stale answers an act on a version that is gone. The same act by the same person is a second click, or a page sent
// again: it is done. Whatever else it was is told, with who and when.
func (q *request) stale(a caseAct, name string, r ledger.Row, shown int64) error {
	lines, err := q.d.o.Book.History(q.Context(), r.Key())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(lines, func(l ledger.Line) bool { return q.mine(a, l, lines, shown) }) {
		return q.done(q.caseAddress(r), "case_"+name, 0)
	}
	since := slices.DeleteFunc(slices.Clone(lines), func(l ledger.Line) bool { return l.Version <= shown })
	if len(since) == 0 {
		return ledger.ErrStale
	}
	row, err := q.shipment()
	if err != nil {
		return err
	}
	v := conflictView{Act: "do." + name, Row: row, Case: q.caseAddress(r), Events: q.lang.timeline(since, nil)}
	return q.page(http.StatusConflict, "conflict", v)
}

// mine tells whether a line is what this very form has done.
func (q *request) mine(a caseAct, l ledger.Line, lines []ledger.Line, shown int64) bool {
	if l.Actor != q.user.Name || l.Act != a.act || !a.same(q, l) {
		return false
	}
	if a.act != ledger.ActAsk {
		return l.Version == shown+1
	}
	// A question changes no version by itself: it was asked after the one shown came to be.
	return !slices.ContainsFunc(lines, func(before ledger.Line) bool { return before.ID > l.ID && before.Version == shown })
}
