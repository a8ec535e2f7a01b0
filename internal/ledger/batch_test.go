package ledger_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// exact compares every batch's total and counts with what is there.
func exact(t *testing.T, l *ledger.Ledger, names ...string) {
	t.Helper()
	batches, err := l.Batches(t.Context(), "", ledger.Batch{}, 100)
	if err != nil || len(batches) != len(names) {
		t.Fatalf("%+v %v, want %v", batches, err, names)
	}
	for _, b := range batches {
		if total := ledger.Number(t, l, `SELECT COUNT(*) FROM shipments WHERE batch = ?`, b.Name); b.Total != total {
			t.Errorf("%s: %d shipments, there are %d", b.Name, b.Total, total)
		}
		want, err := l.Counts(t.Context(), ledger.Scope{Batch: b.Name})
		if err != nil || !maps.Equal(b.Counts, want) {
			t.Errorf("%s: counts %v, want %v (%v)", b.Name, b.Counts, want, err)
		}
		if one, err := l.Batch(t.Context(), b.Name); err != nil || one.Total != b.Total || !maps.Equal(one.Counts, b.Counts) || !one.FirstAt.Equal(b.FirstAt) {
			t.Errorf("%+v %v", one, err)
		}
		if !slices.Contains(names, b.Name) {
			t.Errorf("a batch %s", b.Name)
		}
	}
}

func testBatchesAreCountedAsTheyAre(t *testing.T) {
	l := book(t)
	in := func(batch string, n int) shipment.Shipment {
		s := parcel(n)
		s.Batch = batch
		return s
	}
	accept(t, l, in("b1", 1), in("b2", 2), in("b1", 3), in("b1", 1), in("", 4))
	exact(t, l, "b1", "b2")
	first, err := l.Batch(t.Context(), "b1")
	if err != nil || first.Total != 2 || first.FirstAt.IsZero() {
		t.Fatalf("%+v %v", first, err)
	}
	conflict := in("b2", 3)
	conflict.InvoiceNo = "other"
	accept(t, l, conflict, in("b1", 5), in("b3", 2)) // b3 has nothing of its own
	exact(t, l, "b1", "b2")
	if _, err := l.Accept(t.Context(), []shipment.Shipment{in("b1", 6), in("b4", 7), conflict}, ledger.AcceptOptions{Strict: true}); err != nil {
		t.Fatal(err)
	}
	exact(t, l, "b1", "b2")
	finish(t, l, begin(t, l, get(t, l, in("b1", 1)), time.Hour), ledger.Finish{Move: shipped, Answered: true, Since: time.Second})
	if _, err := l.Settle(t.Context(), get(t, l, parcel(3)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
		t.Fatal(err)
	}
	begin(t, l, get(t, l, parcel(5)), time.Hour)
	exact(t, l, "b1", "b2")
	if n, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b2"}, wang); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	exact(t, l, "b1", "b2")
	accept(t, l, in("b5", 2)) // closed uncalled: anew, in another batch
	exact(t, l, "b1", "b2", "b5")
	if moved, err := l.Batch(t.Context(), "b2"); err != nil || moved.Total != 0 || moved.Counts[shipment.Shipped] != 0 {
		t.Errorf("%+v %v", moved, err)
	}
	if _, err := l.Settle(t.Context(), get(t, l, parcel(2)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w"); err != nil {
		t.Fatal(err)
	}
	closed(t, l, get(t, l, parcel(2)))
	accept(t, l, in("b5", 2)) // anew, in the same
	closedAgain, _, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b5"}, wang)
	if err != nil || closedAgain != 1 {
		t.Fatal(closedAgain, err)
	}
	accept(t, l, in("", 2)) // anew, in none
	exact(t, l, "b1", "b2", "b5")
	if now, err := l.Batch(t.Context(), "b1"); err != nil || !now.FirstAt.Equal(first.FirstAt) {
		t.Errorf("%+v %v", now, err)
	}
}

func testRejectedRowsAreCounted(t *testing.T) {
	l := book(t)
	for _, r := range []struct {
		batch string
		n     int64
	}{{"b1", 2}, {"b1", 5}, {"b2", 1}, {"", 7}, {"b3", 0}, {"b4", 3}, {"b4", 0}} {
		if err := l.SetRejected(t.Context(), r.batch, r.n); err != nil {
			t.Fatal(err)
		}
	}
	accept(t, l, parcel(1))
	exact(t, l, "b1", "b2", "b4")
	if b, err := l.Batch(t.Context(), "b1"); err != nil || b.Rejected != 5 || b.Total != 1 {
		t.Errorf("%+v %v", b, err)
	}
	if b, err := l.Batch(t.Context(), "b2"); err != nil || b.Rejected != 1 || b.Total != 0 || b.Counts[shipment.Shipped] != 0 {
		t.Errorf("%+v %v", b, err)
	}
	if b, err := l.Batch(t.Context(), "b4"); err != nil || b.Rejected != 0 {
		t.Errorf("corrected, and still refused: %+v %v", b, err)
	}
	if _, err := l.Batch(t.Context(), "b3"); !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
}

func testBatchesInPages(t *testing.T) {
	l := book(t)
	names := []string{"Monday_1", "monday%2", "mondayx2", "Dienstag", "周一"}
	for i, name := range names {
		s := parcel(i)
		s.Batch = name
		accept(t, l, s)
	}
	ledger.Exec(t, l, `UPDATE batches SET first_at = 1000 WHERE name <> 'Dienstag'`) // several at one time
	for text, want := range map[string]int{"": 5, "monday": 3, "MONDAY_": 1, "monday%": 1, "周": 1, "onday": 0, "Tuesday": 0} {
		var got []string
		for after := (ledger.Batch{}); ; {
			page, err := l.Batches(t.Context(), text, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, b := range page {
				got = append(got, b.Name)
			}
			after = page[len(page)-1]
			if len(got) > len(names) {
				t.Fatalf("%q: without end", text)
			}
		}
		once := slices.Clone(got)
		slices.Sort(once)
		if len(got) != want || len(slices.Compact(once)) != want || text == "" && got[0] != "Dienstag" {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
		if n, err := l.CountBatches(t.Context(), text); err != nil || n != int64(want) {
			t.Errorf("%q: counted %d (%v)", text, n, err)
		}
	}
}
