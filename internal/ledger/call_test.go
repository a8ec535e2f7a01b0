package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testBeginTakesRowAndSlotTogether(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	one := begin(t, l, get(t, l, parcel(1)), time.Hour)
	if one.State != shipment.Calling || one.Token == 0 || one.Attempt != 1 || one.SentAttempts != 1 {
		t.Fatalf("%+v", one)
	}
	if a := account(t, l); !a.InFlight || a.OpenAt.Sub(a.Now) < 59*time.Minute {
		t.Fatalf("%+v", a)
	}
	two := get(t, l, parcel(2))
	if _, err := l.Begin(t.Context(), two, attempt(time.Hour)); !errors.Is(err, ledger.ErrSlotClosed) {
		t.Fatalf("a second call in flight: %v", err)
	}
	if after := get(t, l, parcel(2)); after.Version != two.Version || after.Attempt != 0 {
		t.Fatalf("a refused begin left traces: %+v", after)
	}
	if calls, err := l.Calls(t.Context(), parcel(2).Key()); err != nil || len(calls) != 0 {
		t.Fatalf("a refused begin left a call: %v %v", calls, err)
	}
}

func testBeginRefusals(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	stale := get(t, l, parcel(1))
	settled, err := l.Settle(t.Context(), stale, ledger.Move{To: shipment.Queued, Delay: time.Hour, Doubt: true}, "w")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), stale, attempt(time.Second)); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("an old version: %v", err)
	}
	if _, err := l.Begin(t.Context(), settled, attempt(time.Second)); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("not due: %v", err)
	}
	if _, err := l.SetHold(t.Context(), partner, "ILLEGAL_SIGN", "why", "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), get(t, l, parcel(2)), attempt(time.Second)); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("on hold: %v", err)
	}
	foreign := parcel(3)
	foreign.Partner = "2088000000000009"
	accept(t, l, foreign)
	if _, err := l.Begin(t.Context(), get(t, l, foreign), attempt(time.Second)); err == nil {
		t.Error("an account that nobody has announced was called for")
	}
}

// The version alone must refuse: each row is still in the state that the change needs.
func testAnOldVersionChangesNothing(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	old := get(t, l, parcel(1))
	now, err := l.BackInLine(t.Context(), old, "w", "a new version, queued and due as before")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(t.Context(), old, attempt(0)); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("begun: %v", err)
	}
	if _, err := l.Settle(t.Context(), old, shipped, "w"); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("settled: %v", err)
	}
	calling := begin(t, l, now, 0)
	done := finish(t, l, calling, ledger.Finish{Move: ledger.Move{To: shipment.Calling, Doubt: true}}) // a new version, calling as before
	if _, err := l.TakeOver(t.Context(), calling, 0, "w", true); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("taken over: %v", err)
	}
	if _, err := l.TakeOver(t.Context(), done.Row, 0, "w", true); err != nil {
		t.Errorf("the present version: %v", err)
	}
}

func testBeginByManyAtOnce(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	var mu sync.Mutex
	begun := 0
	var wg sync.WaitGroup
	for range 4 {
		mine := open(t, url)
		for n := 1; n <= 3; n++ {
			row := get(t, mine, parcel(n))
			wg.Go(func() {
				_, err := mine.Begin(t.Context(), row, attempt(time.Hour))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					begun++
				case !errors.Is(err, ledger.ErrSlotClosed) && !errors.Is(err, ledger.ErrStale):
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if begun != 1 {
		t.Fatalf("%d calls were begun at once", begun)
	}
}

func testFinishOpensOneIntervalAfterTheAnchor(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	before := now(t, l)
	done := finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true, Since: 200 * time.Millisecond, Interval: 10 * time.Second})
	if done.Row.State != shipment.Shipped || done.Late || done.Row.Token != 0 {
		t.Fatalf("%+v", done)
	}
	a := account(t, l)
	if open := a.OpenAt.Sub(before); open < 9800*time.Millisecond || a.InFlight {
		t.Fatalf("opens %v after finish, in flight %v", open, a.InFlight)
	}
	if a.OpenAt.After(a.Now.Add(9800*time.Millisecond + time.Microsecond)) {
		t.Fatalf("opens too late: %v", a.OpenAt.Sub(a.Now))
	}
}

func testFinishTwiceChangesNothing(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	f := ledger.Finish{Move: ledger.Move{To: shipment.Queued, Doubt: true, Failed: true}, Answered: true}
	first := finish(t, l, begun, f)
	second := finish(t, l, begun, f)
	second.Row.ReadAt = first.Row.ReadAt
	if first.Row != second.Row || first.Row.Failures != 1 {
		t.Fatalf("\n%+v\n%+v", first.Row, second.Row)
	}
}

func testWithoutAnAnswerNothingOpensBeforeTheFence(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	opens := account(t, l).OpenAt
	done := finish(t, l, begun, ledger.Finish{Move: ledger.Move{To: shipment.Calling, Doubt: true}})
	if done.Row.State != shipment.Calling || !done.Row.Doubt || !done.Row.FenceAt.Equal(begun.FenceAt) {
		t.Fatalf("%+v", done.Row)
	}
	if got := account(t, l).OpenAt; !got.Equal(opens) {
		t.Fatalf("opens at %v instead of the fence %v", got, opens)
	}
	if overdue, err := l.Overdue(t.Context(), 10); err != nil || len(overdue) != 0 {
		t.Fatalf("overdue before its fence: %v %v", overdue, err)
	}
	if _, err := l.TakeOver(t.Context(), done.Row, 0, "w2", true); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("taken over before its fence: %v", err)
	}
}

func testNotSentGivesEverythingBack(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	row := get(t, l, parcel(1))
	after := openSlot(t, l, begin(t, l, row, time.Hour))
	if after.State != shipment.Queued || after.Doubt || after.SentAttempts != 0 || after.Attempt != 1 || after.Failures != 0 {
		t.Fatalf("%+v", after)
	}
	if a := account(t, l); a.OpenAt.After(a.Now) || a.InFlight {
		t.Fatalf("the slot is not back: %+v", a)
	}
	if again := begin(t, l, after, time.Hour); again.Attempt != 2 {
		t.Fatalf("%+v", again)
	}
	calls, err := l.Calls(t.Context(), row.Key())
	if err != nil || len(calls) != 2 || calls[0].Verdict != ledger.VerdictNotSent || calls[0].ID == calls[1].ID {
		t.Fatalf("%+v %v", calls, err)
	}
}

func testTakeOverAfterTheFence(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), 0)
	overdue, err := l.Overdue(t.Context(), 10)
	if err != nil || len(overdue) != 1 {
		t.Fatal(overdue, err)
	}
	taken, err := l.TakeOver(t.Context(), overdue[0], time.Minute, "w2", false)
	if err != nil {
		t.Fatal(err)
	}
	if taken.State != shipment.Queued || !taken.Doubt || !taken.Feed || !taken.Begun || taken.Failures != 1 || taken.Version != begun.Version+1 {
		t.Fatalf("%+v", taken)
	}
	if _, err := l.TakeOver(t.Context(), overdue[0], 0, "w3", false); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("taken over twice: %v", err)
	}
}

// Two workers have different intervals for one account: the gap is the larger one, whoever calls.
func testTheLargerIntervalCounts(t *testing.T) {
	l := book(t) // announced: 1 s
	accept(t, l, parcel(1))
	for _, c := range []struct{ mine, want time.Duration }{{100 * time.Millisecond, time.Second}, {time.Minute, time.Minute}} {
		a := attempt(10 * time.Second)
		a.Interval = c.mine
		begun, err := l.Begin(t.Context(), get(t, l, parcel(1)), a)
		if err != nil {
			t.Fatal(err)
		}
		if fence := begun.FenceAt.Sub(begun.ChangedAt); fence != 10*time.Second+c.want-c.mine {
			t.Errorf("interval %v: the fence is after %v", c.mine, fence)
		}
		before := now(t, l)
		finish(t, l, begun, ledger.Finish{Move: ledger.Move{To: shipment.Queued}, Answered: true, Interval: c.mine})
		if open := account(t, l).OpenAt.Sub(before); open < c.want {
			t.Errorf("interval %v: the account opens after %v, want %v", c.mine, open, c.want)
		}
		earlier(t, l, time.Hour)
	}
}

func testSettleIsCompareAndSwap(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	row := get(t, l, parcel(1))
	if _, err := l.Settle(t.Context(), row, shipped, "w"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), row, shipped, "w"); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("settled twice: %v", err)
	}
}

func testHistoryOnlyMovesAlongArrows(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true})
	if _, err := l.Settle(t.Context(), get(t, l, parcel(1)), ledger.Move{To: shipment.Queued}, "w"); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("a shipped shipment was queued again: %v", err)
	}
	lines, err := l.History(t.Context(), parcel(1).Key())
	if err != nil || len(lines) != 2 {
		t.Fatalf("%+v %v", lines, err)
	}
	for _, line := range lines {
		if !line.From.CanBecome(line.To) {
			t.Errorf("history says %s → %s", line.From, line.To)
		}
	}
}
