package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testPruneForgetsOldCallsOfWhatIsSettled(t *testing.T) {
	l := book(t)
	dead := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonIllegalArgument, Code: "ILLEGAL_ARGUMENT"}
	ask := func(n int) {
		t.Helper()
		if err := l.RecordQuery(t.Context(), parcel(n).Key(), "query", "w", "{}", ledger.Answer{}); err != nil {
			t.Fatal(err)
		}
	}
	for n, move := range map[int]ledger.Move{1: shipped, 2: dead, 3: {To: shipment.Queued}} {
		callOnce(t, l, n, ledger.Finish{Move: move})
		ask(n)
	}
	ledger.BackDate(t, l, "calls", "begun_at", 401*24*time.Hour)
	callOnce(t, l, 4, ledger.Finish{Move: shipped}) // young
	ask(1)                                          // of one that was settled long ago

	const age = 400 * 24 * time.Hour
	calls := func() int64 { return ledger.Number(t, l, `SELECT COUNT(*) FROM calls`) }
	if n, err := l.Prune(t.Context(), age, true, "boss"); err != nil || n != 2 || calls() != 8 {
		t.Fatalf("a dry run: %d forgotten, %d there, %v", n, calls(), err)
	}
	if n, err := l.Prune(t.Context(), age, false, "boss"); err != nil || n != 2 || calls() != 6 {
		t.Fatalf("%d forgotten, %d there, %v", n, calls(), err)
	}
	for n, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 1} {
		if left, err := l.Calls(t.Context(), parcel(n).Key()); err != nil || len(left) != want {
			t.Errorf("of shipment %d %d calls are left, want %d (%v)", n, len(left), want, err)
		}
	}
	if lines, err := l.History(t.Context(), parcel(1).Key()); err != nil || len(lines) == 0 {
		t.Errorf("the history has gone, too: %v %v", lines, err)
	}
	audit, err := l.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActPrune}, 10)
	if err != nil || len(audit) != 1 || audit[0].After["calls"] != "2" || audit[0].Actor != "boss" {
		t.Errorf("%+v %v", audit, err)
	}
}
