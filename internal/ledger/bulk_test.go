package ledger_test

import (
	"maps"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func preview(t testing.TB, l *ledger.Ledger, o ledger.BulkOrder) ledger.Bulk {
	t.Helper()
	b, err := l.Preview(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bulk(t testing.TB, l *ledger.Ledger, id int64) ledger.Bulk {
	t.Helper()
	b, err := l.Bulk(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func startBulk(t testing.TB, l *ledger.Ledger, id int64, undo bool) {
	t.Helper()
	if err := l.StartBulk(t.Context(), id, undo, wang); err != nil {
		t.Fatal(err)
	}
}

func stepBulk(t testing.TB, l *ledger.Ledger, id int64) (over bool) {
	t.Helper()
	over, err := l.StepBulk(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return over
}

func finishBulk(t testing.TB, l *ledger.Ledger, id int64) {
	t.Helper()
	for over := false; !over; {
		over = stepBulk(t, l, id)
	}
}

// runBulk starts an act over many and does it to the end.
func runBulk(t testing.TB, l *ledger.Ledger, id int64, undo bool) ledger.Bulk {
	t.Helper()
	startBulk(t, l, id, undo)
	finishBulk(t, l, id)
	return bulk(t, l, id)
}

// manyDead fills a ledger with as many dead letters as one transaction accepts.
func manyDead(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	all := make([]shipment.Shipment, n)
	for i := range all {
		all[i] = parcel(i)
	}
	accept(t, l, all...)
	ledger.Exec(t, l, `UPDATE shipments SET state = 'dead', reason = 'not_shippable', feed = 0, settled_at = accepted_at, version = version + 1`)
}

func testPreviewShowsWhatMatches(t *testing.T) {
	l := book(t)
	never := died(t, l, 1, ledger.Move{})
	called := calledInVain(t, l, 2, ledger.Move{Reason: shipment.ReasonOutcomeUnknown})
	waits := calledInVain(t, l, 3, ledger.Move{Bar: true, Found: ledger.FoundWaiting})
	barred := calledInVain(t, l, 4, ledger.Move{Bar: true})
	done := died(t, l, 5, ledger.Move{Found: ledger.FoundShipped})
	other := died(t, l, 6, ledger.Move{Reason: shipment.ReasonTradeNotExist})
	closed(t, l, died(t, l, 7, ledger.Move{}))
	accept(t, l, parcel(8))
	b := preview(t, l, ledger.BulkOrder{
		Act: ledger.ActSendAgain, Actor: wang, Filter: "partner=1", Matching: ledger.DeadFilter{To: other.SettledAt},
	})
	want := ledger.BulkCounts{Todo: 3, Obstacles: map[ledger.Obstacle]int64{ledger.ObstacleRefused: 1, ledger.ObstacleShipped: 1}}
	if b.Counts.Todo != want.Todo || !maps.Equal(b.Counts.Obstacles, want.Obstacles) || b.Counts.Total() != 5 || b.Counts.Left() != 2 {
		t.Errorf("%+v", b.Counts)
	}
	if b.State != ledger.BulkPreview || b.Actor != wang || b.Filter != "partner=1" || !b.ActedAt.IsZero() {
		t.Errorf("%+v", b)
	}
	for outcome, want := range map[ledger.Obstacle][]ledger.Row{
		"": {never, called, waits}, ledger.ObstacleRefused: {barred}, ledger.ObstacleShipped: {done},
	} {
		rows, err := l.BulkSample(t.Context(), b.ID, outcome, 10)
		if err != nil || len(rows) != len(want) {
			t.Fatalf("%s: %+v %v", outcome, rows, err)
		}
		for i, r := range rows {
			if r.ID != want[i].ID || r.Version != want[i].Version || r.State != shipment.Dead {
				t.Errorf("%s: %+v", outcome, r)
			}
		}
	}
	if few, err := l.BulkSample(t.Context(), b.ID, "", 2); err != nil || len(few) != 2 {
		t.Error(few, err)
	}
	if by, err := l.BulkPartners(t.Context(), b.ID, ""); err != nil || by[partner] != 3 || len(by) != 1 {
		t.Error(by, err)
	}
	mayNotQuery(t, l, true)
	b = preview(t, l, ledger.BulkOrder{Act: ledger.ActSendAgain, Actor: wang})
	if b.Counts.Todo != 2 || b.Counts.Obstacles[ledger.ObstacleLookFirst] != 3 || b.Counts.Obstacles[ledger.ObstacleShipped] != 1 {
		t.Errorf("an account that may not query: %+v", b.Counts)
	}
	if _, err := l.Preview(t.Context(), ledger.BulkOrder{Act: ledger.ActMarkShipped}); err == nil {
		t.Error("many can be marked as shipped at once")
	}
}

// What has changed since it was shown is left alone, and so is what has come since.
func testBulkLeavesAloneWhatHasChanged(t *testing.T) {
	for _, act := range []ledger.Act{ledger.ActSendAgain, ledger.ActClose, ledger.ActAssign} {
		t.Run(string(act), func(t *testing.T) {
			l := book(t)
			for n := range 5 {
				died(t, l, n, ledger.Move{})
			}
			b := preview(t, l, ledger.BulkOrder{Act: act, Actor: wang, Argument: "li"})
			if b.Counts.Todo != 5 || b.Counts.Total() != 5 {
				t.Fatalf("%+v", b.Counts)
			}
			changed, err := l.Assign(t.Context(), get(t, l, parcel(0)), "zhao", "zhao")
			if err != nil {
				t.Fatal(err)
			}
			closed(t, l, get(t, l, parcel(1)))
			late := died(t, l, 9, ledger.Move{})
			b = runBulk(t, l, b.ID, false)
			if b.State != ledger.BulkDone || b.Counts.Done != 3 || b.Counts.Todo != 0 || b.Counts.Obstacles[ledger.ObstacleChanged] != 2 ||
				b.Counts.Total() != 5 || b.DoneAt.Before(b.ActedAt) || b.ActedAt.Before(b.MadeAt) {
				t.Errorf("%+v", b)
			}
			if r := get(t, l, parcel(0)); r.Version != changed.Version || r.Assignee != "zhao" || r.State != shipment.Dead {
				t.Errorf("changed in between: %+v", r)
			}
			if r := get(t, l, parcel(9)); r.Version != late.Version {
				t.Errorf("came after: %+v", r)
			}
			for n := 2; n < 5; n++ {
				r, line := get(t, l, parcel(n)), lastLine(t, l, parcel(n).Key())
				right := map[ledger.Act]bool{
					ledger.ActSendAgain: r.State == shipment.Queued && r.Feed && r.Resent == 1,
					ledger.ActClose:     r.State == shipment.Closed && line.Detail == "li",
					ledger.ActAssign:    r.State == shipment.Dead && r.Assignee == "li",
				}
				if !right[act] || line.Act != act || line.Actor != wang || line.Bulk != b.ID || line.Audit || line.Version != r.Version {
					t.Errorf("%+v %+v", r, line)
				}
			}
			audit, err := l.Audit(t.Context(), ledger.AuditFilter{Act: act, Actor: wang}, 10)
			if err != nil || len(audit) == 0 || audit[0].Bulk != b.ID || audit[0].TradeNo != "" || audit[0].Detail != "li" {
				t.Errorf("%+v %v", audit, err)
			}
			if lines, err := l.Audit(t.Context(), ledger.AuditFilter{Bulk: b.ID}, 10); err != nil || len(lines) != 4 {
				t.Errorf("%d lines about it, %v", len(lines), err)
			}
		})
	}
}

// What is in the way is looked at again when it is done: meanwhile Alipay may have refused the account queries.
func testBulkHeedsWhatComesInTheWay(t *testing.T) {
	l := book(t)
	called := calledInVain(t, l, 1, ledger.Move{})
	died(t, l, 2, ledger.Move{})
	garbage := died(t, l, 3, ledger.Move{})
	ledger.Exec(t, l, `UPDATE shipments SET logistics_name = '' WHERE id = ?`, garbage.ID) // no longer what Alipay takes
	b := preview(t, l, ledger.BulkOrder{Act: ledger.ActSendAgain, Actor: wang})
	if b.Counts.Todo != 3 {
		t.Fatalf("%+v", b.Counts)
	}
	mayNotQuery(t, l, true)
	b = runBulk(t, l, b.ID, false)
	want := map[ledger.Obstacle]int64{ledger.ObstacleLookFirst: 1, ledger.ObstaclePayload: 1}
	if b.Counts.Done != 1 || !maps.Equal(b.Counts.Obstacles, want) {
		t.Errorf("%+v", b.Counts)
	}
	if r := get(t, l, parcel(1)); r.Version != called.Version {
		t.Errorf("%+v", r)
	}
}

// What differs between the shipments of an act is kept apart, although they are changed all at once.
func testBulkKeepsCasesApart(t *testing.T) {
	l := book(t)
	fed(t, l, died(t, l, 1, ledger.Move{}))
	died(t, l, 2, ledger.Move{})
	calledInVain(t, l, 3, ledger.Move{})
	runBulk(t, l, preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang}).ID, false)
	for n, onBelt := range map[int]bool{1: true, 2: false, 3: false} {
		if r := get(t, l, parcel(n)); r.State != shipment.Closed || r.Feed != onBelt || r.DeadTask != onBelt {
			t.Errorf("closed, with a task %v: %+v", onBelt, r)
		}
		resent(t, l, get(t, l, parcel(n)), ledger.SendAgain{})
		if _, err := l.Settle(t.Context(), get(t, l, parcel(n)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
			t.Fatal(err)
		}
	}
	runBulk(t, l, preview(t, l, ledger.BulkOrder{Act: ledger.ActSendAgain, Actor: wang}).ID, false)
	for n, doubt := range map[int]bool{1: false, 2: false, 3: true} {
		if r := get(t, l, parcel(n)); r.State != shipment.Queued || r.Doubt != doubt || r.Resent != 2 {
			t.Errorf("sent again, in doubt %v: %+v", doubt, r)
		}
	}
}

func testBulkOnlyWhatWasTicked(t *testing.T) {
	l := book(t)
	var rows []ledger.Row
	for n := range 4 {
		rows = append(rows, died(t, l, n, ledger.Move{}))
	}
	other := died(t, l, 5, ledger.Move{Reason: shipment.ReasonTradeNotExist})
	b := preview(t, l, ledger.BulkOrder{
		Act: ledger.ActClose, Actor: wang, Matching: ledger.DeadFilter{Reason: shipment.ReasonNotShippable}, Only: []int64{rows[1].ID, rows[3].ID, other.ID},
	})
	if b.Counts.Todo != 2 || b.Counts.Total() != 2 {
		t.Fatalf("%+v", b.Counts)
	}
	runBulk(t, l, b.ID, false)
	if by, err := l.BulkPartners(t.Context(), b.ID, ledger.BulkHasDone); err != nil || by[partner] != 2 || len(by) != 1 {
		t.Error(by, err)
	}
	for n, want := range map[int]shipment.State{0: shipment.Dead, 1: shipment.Closed, 2: shipment.Dead, 3: shipment.Closed, 5: shipment.Dead} {
		if got := get(t, l, parcel(n)).State; got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}
