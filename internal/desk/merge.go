package desk

import (
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// stream is the shipments of one state, read a stretch at a time.
type stream struct {
	filter ledger.ShipmentFilter
	page   ledger.Page
	rows   []ledger.Row // read and not handed out
	ended  bool
}

// merged reads all shipments in a filter in the order of acceptance. The ledger has them in order state by state, so
// the states are read one beside the other, and no row twice.
func (q *request) merged(f ledger.ShipmentFilter) func() ([]ledger.Row, error) {
	states := shipment.States()
	if f.State != "" {
		states = []shipment.State{f.State}
	}
	streams := make([]*stream, len(states))
	for i, state := range states {
		f.State = state
		streams[i] = &stream{filter: f, page: ledger.Page{Size: exportStep}}
	}
	return func() ([]ledger.Row, error) {
		var out []ledger.Row
		for len(out) < exportStep {
			var newest *stream
			for _, s := range streams {
				if err := q.fill(s); err != nil {
					return nil, err
				}
				if len(s.rows) > 0 && (newest == nil || later(s.rows[0], newest.rows[0])) {
					newest = s
				}
			}
			if newest == nil {
				break
			}
			out, newest.rows = append(out, newest.rows[0]), newest.rows[1:]
		}
		return out, nil
	}
}

// fill reads on when nothing is left of what was read.
func (q *request) fill(s *stream) (err error) {
	if len(s.rows) > 0 || s.ended {
		return nil
	}
	if s.rows, err = q.d.o.Book.Shipments(q.Context(), s.filter, s.page); err != nil {
		return err
	}
	if s.ended = len(s.rows) < s.page.Size; len(s.rows) > 0 {
		last := s.rows[len(s.rows)-1]
		s.page.After = ledger.Cursor{At: last.AcceptedAt, ID: last.ID}
	}
	return nil
}

// later tells whether a stands before b in a list with the newest first.
func later(a, b ledger.Row) bool {
	if order := a.AcceptedAt.Compare(b.AcceptedAt); order != 0 {
		return order > 0
	}
	return a.ID > b.ID
}
