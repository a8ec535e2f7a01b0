package ledger_test

import (
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testStandings(t *testing.T) {
	l := book(t)
	start := now(t, l)
	other := parcel(50)
	other.Partner = "2088000000000002" // no worker has announced it
	urgent := parcel(5)
	urgent.Urgent = true
	accept(t, l, parcel(1), parcel(2), parcel(3), parcel(4), urgent, parcel(6), other)
	if _, err := l.SetHold(t.Context(), "2088000000000003", ledger.HoldManual, "in advance", wang); err != nil {
		t.Fatal(err)
	}
	finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{Move: shipped, Answered: true, Since: time.Second})
	if _, err := l.Settle(t.Context(), get(t, l, parcel(2)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
		t.Fatal(err)
	}
	retried, err := l.Settle(t.Context(), get(t, l, parcel(3)), ledger.Move{To: shipment.Queued, Delay: time.Hour}, "w")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), get(t, l, parcel(6)), ledger.Move{To: shipment.Queued, Delay: time.Minute}, "w"); err != nil {
		t.Fatal(err)
	}
	calling := begin(t, l, get(t, l, parcel(4)), time.Hour)
	all, err := l.Standings(t.Context(), start, "ship")
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v %v", all, err)
	}
	s := all[0]
	if s.Partner != partner || s.Queued != 3 || s.Urgent != 1 || s.Retrying != 2 || s.Calling != 1 || s.Dead != 1 || s.Shipped != 1 ||
		!s.LastDue.Equal(retried.NotBefore) || !s.Oldest.Equal(retried.AcceptedAt) || !s.InFlight {
		t.Errorf("%+v", s)
	}
	calls, err := l.Calls(t.Context(), calling.Key())
	if err != nil || !s.LastCall.Equal(calls[0].BegunAt) {
		t.Errorf("last call at %v, %v", s.LastCall, err)
	}
	if s := all[1]; s.Partner != other.Partner || s.Queued != 1 || s.Shipped != 0 || !s.LastCall.IsZero() || !s.LastDue.IsZero() {
		t.Errorf("%+v", s)
	}
	if s := all[2]; s.Hold == nil || s.Queued != 0 || !s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
	later, err := l.Standings(t.Context(), now(t, l).Add(time.Second), "query")
	if err != nil || later[0].Shipped != 0 || !later[0].LastCall.IsZero() {
		t.Errorf("since later, by another service: %+v %v", later[0], err)
	}
}

func testMarksAndHours(t *testing.T) {
	l := book(t)
	start := now(t, l)
	calledInVain(t, l, 1, ledger.Move{Code: "SOME_CODE"})
	accept(t, l, parcel(2), parcel(3))
	finish(t, l, begin(t, l, get(t, l, parcel(2)), time.Hour), ledger.Finish{Answer: ledger.Answer{Verdict: "succeeded"}, Move: shipped, Answered: true, Since: time.Second})
	begin(t, l, get(t, l, parcel(3)), time.Hour)
	if err := l.RecordQuery(t.Context(), parcel(3).Key(), "query", "w", "{}", ledger.Answer{}); err != nil {
		t.Fatal(err)
	}
	marks, err := l.Marks(t.Context(), partner, "ship", start)
	if err != nil || len(marks) != 3 || marks[1].Verdict != "succeeded" || !marks[1].Answered || marks[2].Answered || marks[2].At.Before(marks[1].At) {
		t.Errorf("%+v %v", marks, err)
	}
	if none, err := l.Marks(t.Context(), "2088000000000002", "ship", start); err != nil || len(none) != 0 {
		t.Errorf("%+v %v", none, err)
	}
	// 1 dies in the first hour, 2 is shipped in the second, 4 dies there, and a closed one does not count.
	died(t, l, 4, ledger.Move{})
	closed(t, l, died(t, l, 5, ledger.Move{}))
	hour := time.Unix(3600*400000, 0)
	for n, at := range map[int]time.Time{1: hour, 2: hour.Add(time.Hour), 4: hour.Add(2*time.Hour - time.Microsecond), 5: hour} {
		ledger.Exec(t, l, `UPDATE shipments SET settled_at = ? WHERE trade_no = ?`, at.UnixMicro(), parcel(n).TradeNo)
	}
	want := []ledger.Hour{{From: hour, Dead: 1}, {From: hour.Add(time.Hour), Shipped: 1, Dead: 1}}
	for _, p := range []string{"", partner} {
		hours, err := l.Hours(t.Context(), p, hour)
		if err != nil || !slices.EqualFunc(hours, want, func(a, b ledger.Hour) bool { return a.From.Equal(b.From) && a.Shipped == b.Shipped && a.Dead == b.Dead }) {
			t.Errorf("%+v %v", hours, err)
		}
	}
	if hours, err := l.Hours(t.Context(), "", hour.Add(time.Microsecond)); err != nil || len(hours) != 1 {
		t.Errorf("%+v %v", hours, err)
	}
	if hours, err := l.Hours(t.Context(), "2088000000000002", hour); err != nil || len(hours) != 0 {
		t.Errorf("%+v %v", hours, err)
	}
}

func testTheAuditTrail(t *testing.T) {
	l := book(t)
	start := now(t, l)
	dead := calledInVain(t, l, 1, ledger.Move{}) // no act of a person
	if err := l.Enter(t.Context(), "li", ledger.ActLogin, "from somewhere"); err != nil {
		t.Fatal(err)
	}
	for _, note := range []string{"one", "two", "three"} {
		if err := l.Note(t.Context(), dead.Key(), note, wang); err != nil {
			t.Fatal(err)
		}
	}
	between := now(t, l)
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "why", "li"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.SetHold(t.Context(), "2088000000000002", "ILLEGAL_SIGN", "Alipay's", "w1"); err != nil {
		t.Fatal(err)
	}
	died(t, l, 2, ledger.Move{})
	runBulk(t, l, preview(t, l, ledger.BulkOrder{Act: ledger.ActClose, Actor: wang}).ID, false)
	all := []ledger.Act{ledger.ActClose, ledger.ActHold, ledger.ActNote, ledger.ActNote, ledger.ActNote, ledger.ActLogin}
	for name, c := range map[string]struct {
		f    ledger.AuditFilter
		want []ledger.Act
	}{
		"all":        {ledger.AuditFilter{}, all},
		"actor":      {ledger.AuditFilter{Actor: "li"}, []ledger.Act{ledger.ActHold, ledger.ActLogin}},
		"act":        {ledger.AuditFilter{Act: ledger.ActNote}, all[2:5]},
		"trade":      {ledger.AuditFilter{TradeNo: parcel(1).TradeNo}, all[2:5]},
		"from":       {ledger.AuditFilter{From: between}, all[:2]},
		"from to":    {ledger.AuditFilter{From: start, To: between}, all[2:]},
		"everything": {ledger.AuditFilter{Actor: wang, Act: ledger.ActNote, TradeNo: parcel(1).TradeNo, From: start, To: now(t, l)}, all[2:5]},
		"nothing":    {ledger.AuditFilter{Actor: "w"}, nil},
	} {
		for size := 1; size <= 7; size++ {
			var got []ledger.Act
			for f := c.f; ; {
				lines, err := l.Audit(t.Context(), f, size)
				if err != nil || len(lines) > size {
					t.Fatalf("%s: %d lines, %v", name, len(lines), err)
				}
				if len(lines) == 0 {
					break
				}
				for _, line := range lines {
					got = append(got, line.Act)
					if !line.Audit || f.Before != 0 && line.ID >= f.Before {
						t.Errorf("%s: %+v", name, line)
					}
					f.Before = line.ID
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, %d a page: %v, want %v", name, size, got, c.want)
			}
		}
	}
}
