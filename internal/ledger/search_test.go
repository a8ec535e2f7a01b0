package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func tradeNos(rows []ledger.Row) []string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = r.TradeNo
	}
	return all
}

// What is asked for by people may hold any bytes; a database must not complain of them.
func testAnyTextMayBeAskedFor(t *testing.T) {
	l := book(t)
	died(t, l, 1, ledger.Move{})
	for _, text := range []string{"\xff", "a\x00b", "'", "!", "\\", strings.Repeat("%", 50), "\U0010FFFF"} {
		f := ledger.DeadFilter{Partner: text, Reason: shipment.Reason(text), Code: text, TradeStatus: text, Batch: text, Assignee: text, Text: text}
		if rows, err := l.DeadLetters(t.Context(), f, ledger.Page{Size: 5}); err != nil || len(rows) != 0 {
			t.Errorf("dead letters %q: %v %v", text, rows, err)
		}
		if n, err := l.CountDead(t.Context(), f); err != nil || len(n) != 0 {
			t.Errorf("count %q: %v %v", text, n, err)
		}
		if rows, err := l.Shipments(t.Context(), ledger.ShipmentFilter{Partner: text, Batch: text}, ledger.Page{Size: 5}); err != nil || len(rows) != 0 {
			t.Errorf("shipments %q: %v %v", text, rows, err)
		}
		if rows, err := l.Find(t.Context(), text, 5); err != nil || len(rows) != 0 {
			t.Errorf("find %q: %v %v", text, rows, err)
		}
		if rows, _, err := l.FindInside(t.Context(), text, 0, 100, 5); err != nil || len(rows) != 0 {
			t.Errorf("find inside %q: %v %v", text, rows, err)
		}
		if b, err := l.Batches(t.Context(), text, ledger.Batch{}, 5); err != nil || len(b) != 0 {
			t.Errorf("batches %q: %v %v", text, b, err)
		}
		if lines, err := l.Audit(t.Context(), ledger.AuditFilter{Actor: text, Act: ledger.Act(text), TradeNo: text}, 5); err != nil || len(lines) != 0 {
			t.Errorf("audit %q: %v %v", text, lines, err)
		}
	}
}

// Every filter keeps what it should, and the counts are of the same.
func testDeadLetterFilters(t *testing.T) {
	l := book(t)
	rows := []ledger.Row{
		0: died(t, l, 100, ledger.Move{Code: "A", TradeStatus: "S"}),
		1: died(t, l, 101, ledger.Move{Reason: shipment.ReasonTradeNotExist, Code: "A"}),
		2: died(t, l, 102, ledger.Move{Reason: shipment.ReasonTradeNotExist, Code: "B"}),
	}
	other := parcel(200)
	other.Partner, other.Batch, other.OrderRef, other.InvoiceNo = "2088000000000002", "b2", "Order%7", "YT_200"
	accept(t, l, other)
	last, err := l.Settle(t.Context(), get(t, l, other), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
	if err != nil {
		t.Fatal(err)
	}
	rows = append(rows, last)
	if rows[1], err = l.Assign(t.Context(), rows[1], "li", wang); err != nil {
		t.Fatal(err)
	}
	accept(t, l, parcel(300))
	closed(t, l, died(t, l, 301, ledger.Move{}))
	for name, c := range map[string]struct {
		f    ledger.DeadFilter
		want []int
	}{
		"all":               {ledger.DeadFilter{}, []int{3, 2, 1, 0}},
		"account":           {ledger.DeadFilter{Partner: partner}, []int{2, 1, 0}},
		"reason":            {ledger.DeadFilter{Reason: shipment.ReasonTradeNotExist}, []int{2, 1}},
		"code":              {ledger.DeadFilter{Code: "A"}, []int{1, 0}},
		"reason and code":   {ledger.DeadFilter{Reason: shipment.ReasonTradeNotExist, Code: "A"}, []int{1}},
		"status":            {ledger.DeadFilter{TradeStatus: "S"}, []int{0}},
		"batch":             {ledger.DeadFilter{Batch: "b2"}, []int{3}},
		"assignee":          {ledger.DeadFilter{Assignee: "li"}, []int{1}},
		"nobody's":          {ledger.DeadFilter{Assignee: ledger.Nobody}, []int{3, 2, 0}},
		"from":              {ledger.DeadFilter{From: rows[2].SettledAt}, []int{3, 2}},
		"to":                {ledger.DeadFilter{To: rows[2].SettledAt}, []int{1, 0}},
		"from to":           {ledger.DeadFilter{From: rows[1].SettledAt, To: rows[2].SettledAt}, []int{1}},
		"trade number":      {ledger.DeadFilter{Text: parcel(101).TradeNo}, []int{1}},
		"part of a number":  {ledger.DeadFilter{Text: "10"}, []int{2, 1, 0}},
		"order number":      {ledger.DeadFilter{Text: "ORDER%"}, []int{3}},
		"in small letters":  {ledger.DeadFilter{Text: "order%"}, []int{3}},
		"waybill":           {ledger.DeadFilter{Text: "t_2"}, []int{3}},
		"not a wildcard":    {ledger.DeadFilter{Text: "O%7"}, nil},
		"no letter":         {ledger.DeadFilter{Text: "%7"}, []int{3}},
		"no letter either":  {ledger.DeadFilter{Text: "_2"}, []int{3}},
		"no wildcard":       {ledger.DeadFilter{Text: "%0"}, nil},
		"neither":           {ledger.DeadFilter{Text: "F_100"}, nil},
		"everything at all": {ledger.DeadFilter{Partner: partner, Reason: shipment.ReasonTradeNotExist, Code: "A", Batch: "b1", Assignee: "li", Text: "sf"}, []int{1}},
	} {
		got, err := l.DeadLetters(t.Context(), c.f, ledger.Page{Size: 10})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, i := range c.want {
			want = append(want, rows[i].TradeNo)
		}
		if !slices.Equal(tradeNos(got), want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %v, want %v", name, tradeNos(got), want)
		}
		groups, err := l.CountDead(t.Context(), c.f)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for _, g := range groups {
			if (c.f.Reason == "" || g.Reason == c.f.Reason) && (c.f.Code == "" || g.Code == c.f.Code) {
				n += g.N
			}
		}
		if n != int64(len(want)) {
			t.Errorf("%s: counted %d, listed %d (%v)", name, n, len(want), groups)
		}
	}
	groups, err := l.CountDead(t.Context(), ledger.DeadFilter{Reason: shipment.ReasonBadPayload, Code: "Z", Partner: partner})
	if err != nil || len(groups) != 3 {
		t.Errorf("reason and code do not narrow the counts: %v %v", groups, err)
	}
}

// scatter gives every shipment a state and times that many of them share.
func scatter(t *testing.T, l *ledger.Ledger, step, groups int) {
	t.Helper()
	ledger.Exec(t, l, `UPDATE shipments SET accepted_at = 1000000 + id * CAST(? AS BIGINT) % CAST(? AS BIGINT), settled_at = 2000000 + id * CAST(? AS BIGINT) % CAST(? AS BIGINT),
		token = CASE WHEN id * CAST(? AS BIGINT) % 5 = 1 THEN id ELSE 0 END, reason = 'not_shippable',
		state = CASE id * CAST(? AS BIGINT) % 5 WHEN 0 THEN 'queued' WHEN 1 THEN 'calling' WHEN 2 THEN 'shipped' WHEN 3 THEN 'dead' ELSE 'closed' END`,
		step, groups, step, groups, step, step)
}

// walk turns all pages of a list, from the first to the last and back, and has each row once.
func walk(t *rapid.T, what string, size int, want []ledger.Row, cursor func(ledger.Row) ledger.Cursor, page func(ledger.Page) ([]ledger.Row, error)) {
	for _, back := range []bool{false, true} {
		var got []ledger.Row
		for p := (ledger.Page{Size: size, Back: back}); ; {
			rows, err := page(p)
			if err != nil || len(rows) > size {
				t.Fatalf("%s: %d rows, %v", what, len(rows), err)
			}
			if len(rows) == 0 {
				break
			}
			if back {
				got, p.After = append(slices.Clone(rows), got...), cursor(rows[0])
			} else {
				got, p.After = append(got, rows...), cursor(rows[len(rows)-1])
			}
			if len(got) > len(want) {
				t.Fatalf("%s, back %v: more than the %d there are", what, back, len(want))
			}
		}
		if !slices.Equal(tradeNos(got), tradeNos(want)) {
			t.Fatalf("%s, back %v, %d a page:\n%v\n%v", what, back, size, tradeNos(got), tradeNos(want))
		}
	}
}

func testPagesVisitEveryRowOnce(t *testing.T) {
	l := book(t)
	for n := range 15 {
		s := parcel(n)
		s.Batch = fmt.Sprintf("b%d", n%2)
		accept(t, l, s)
	}
	rapid.Check(t, func(rt *rapid.T) {
		scatter(t, l, rapid.IntRange(1, 50).Draw(rt, "step"), rapid.IntRange(1, 9).Draw(rt, "groups"))
		size := rapid.IntRange(2, 7).Draw(rt, "page")
		all, err := l.All(t.Context(), 0, 100)
		if err != nil {
			rt.Fatal(err)
		}
		listed := func(at func(ledger.Row) time.Time, keep func(ledger.Row) bool) (rows []ledger.Row) {
			for _, r := range all {
				if keep(r) {
					rows = append(rows, r)
				}
			}
			slices.SortFunc(rows, func(a, b ledger.Row) int {
				if c := at(b).Compare(at(a)); c != 0 {
					return c
				}
				return int(b.ID - a.ID)
			})
			return rows
		}
		death, acceptance := func(r ledger.Row) time.Time { return r.SettledAt }, func(r ledger.Row) time.Time { return r.AcceptedAt }
		f := ledger.DeadFilter{Batch: rapid.SampledFrom([]string{"", "b1"}).Draw(rt, "batch")}
		walk(rt, "dead letters", size, listed(death, func(r ledger.Row) bool { return r.State == shipment.Dead && (f.Batch == "" || r.Batch == f.Batch) }),
			func(r ledger.Row) ledger.Cursor { return ledger.Cursor{At: r.SettledAt, ID: r.ID} },
			func(p ledger.Page) ([]ledger.Row, error) { return l.DeadLetters(t.Context(), f, p) })
		sf := ledger.ShipmentFilter{
			Batch: f.Batch, Partner: rapid.SampledFrom([]string{"", partner}).Draw(rt, "partner"),
			State: rapid.SampledFrom(append(shipment.States(), "")).Draw(rt, "state"),
		}
		if rapid.Bool().Draw(rt, "since") {
			sf.From, sf.To = time.UnixMicro(1000001), time.UnixMicro(1000005)
		}
		of := func(state shipment.State) []ledger.Row {
			return listed(acceptance, func(r ledger.Row) bool {
				return (sf.Batch == "" || r.Batch == sf.Batch) && (state == "" || r.State == state) &&
					(sf.From.IsZero() || !r.AcceptedAt.Before(sf.From) && r.AcceptedAt.Before(sf.To))
			})
		}
		walk(rt, "shipments", size, of(sf.State), func(r ledger.Row) ledger.Cursor { return ledger.Cursor{At: r.AcceptedAt, ID: r.ID} },
			func(p ledger.Page) ([]ledger.Row, error) { return l.Shipments(t.Context(), sf, p) })
		counts, err := l.CountShipments(t.Context(), sf)
		if err != nil {
			rt.Fatal(err)
		}
		for _, state := range shipment.States() {
			if counts[state] != int64(len(of(state))) {
				rt.Fatalf("%d are %s, counted %d", len(of(state)), state, counts[state])
			}
		}
	})
}
