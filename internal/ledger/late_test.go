package ledger_test

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func testLateAnswers(t *testing.T) {
	refused := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonIllegalArgument, Code: "ILLEGAL_ARGUMENT"}
	busy := ledger.Move{To: shipment.Queued, Doubt: true, Code: "RETRY"}
	for name, c := range map[string]struct {
		move    ledger.Move
		again   bool // somebody else has begun meanwhile
		want    shipment.State
		barred  bool
		changed bool
	}{
		"success while queued":  {shipped, false, shipment.Shipped, false, true},
		"success while calling": {shipped, true, shipment.Shipped, false, true},
		"refusal while queued":  {refused, false, shipment.Dead, true, true},
		"refusal while calling": {refused, true, shipment.Dead, true, true},
		"busy while queued":     {busy, false, shipment.Queued, false, false},
		"busy while calling":    {busy, true, shipment.Calling, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			accept(t, l, parcel(1))
			zombie := begin(t, l, get(t, l, parcel(1)), 0)
			row, err := l.TakeOver(t.Context(), zombie, 0, "w2", true)
			if err != nil {
				t.Fatal(err)
			}
			if c.again {
				row = begin(t, l, row, time.Hour)
			}
			opens := account(t, l).OpenAt
			done := finish(t, l, zombie, ledger.Finish{Answer: ledger.Answer{Verdict: "late one"}, Move: c.move, Answered: true, Interval: time.Second})
			if !done.Late || done.Row.State != c.want || done.Row.Barred != c.barred || (done.Row.Version != row.Version) != c.changed {
				t.Fatalf("%+v", done)
			}
			if got := account(t, l).OpenAt; got.Before(opens) {
				t.Fatalf("a late answer lowered the opening time from %v to %v", opens, got)
			}
			calls, err := l.Calls(t.Context(), parcel(1).Key())
			if err != nil || !calls[0].Late || calls[0].Verdict != "late one" {
				t.Fatalf("%+v %v", calls, err)
			}
		})
	}
}

func testLateAnswerRaisesTheOpeningTime(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	zombie := begin(t, l, get(t, l, parcel(1)), 0)
	if _, err := l.TakeOver(t.Context(), zombie, 0, "w2", true); err != nil {
		t.Fatal(err)
	}
	openSlot(t, l, begin(t, l, get(t, l, parcel(2)), 0))
	before := now(t, l)
	finish(t, l, zombie, ledger.Finish{Move: shipped, Answered: true, Interval: time.Minute})
	if open := account(t, l).OpenAt.Sub(before); open < time.Minute {
		t.Fatalf("the account opens %v after the late answer, want a minute", open)
	}
}

// A late answer raises the opening time while another call has the slot: the end of that call opens the account no
// sooner, whatever it is.
func testARaiseOutlastsWhoeverHasTheSlot(t *testing.T) {
	for name, c := range map[string]struct {
		fence time.Duration
		end   *ledger.Finish // nil: the fence passes
	}{
		"answered":                        {time.Hour, &ledger.Finish{Move: shipped, Answered: true, Since: time.Minute, Interval: time.Second}},
		"not sent":                        {time.Hour, &ledger.Finish{NotSent: true}},
		"no answer, and the fence passes": {0, &ledger.Finish{Move: ledger.Move{To: shipment.Calling, Doubt: true}}},
		"nothing, and the fence passes":   {0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			accept(t, l, parcel(1), parcel(2))
			zombie := begin(t, l, get(t, l, parcel(1)), 0)
			if _, err := l.TakeOver(t.Context(), zombie, 0, "w2", true); err != nil {
				t.Fatal(err)
			}
			other := begin(t, l, get(t, l, parcel(2)), c.fence)
			before := now(t, l)
			finish(t, l, zombie, ledger.Finish{Move: ledger.Move{To: shipment.Queued, Doubt: true}, Answered: true, Interval: 30 * time.Minute})
			if c.end != nil {
				finish(t, l, other, *c.end)
			}
			if open := account(t, l).OpenAt.Sub(before); open < 30*time.Minute {
				t.Errorf("the account opens %v after the late answer, want half an hour", open)
			}
		})
	}
}

// A code that nobody knows comes late: the next query settles it, as one that came in time, and nobody who has read
// the row before can call.
func testALateUnlistedCodeIsKept(t *testing.T) {
	for name, again := range map[string]bool{"while queued": false, "while calling": true} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			accept(t, l, parcel(1))
			zombie := begin(t, l, get(t, l, parcel(1)), 0)
			row, err := l.TakeOver(t.Context(), zombie, 0, "w2", true)
			if err != nil {
				t.Fatal(err)
			}
			if again {
				row = begin(t, l, row, 0)
			}
			done := finish(t, l, zombie, ledger.Finish{
				Answered: true, Since: time.Hour, Move: ledger.Move{To: shipment.Calling, Doubt: true, UnlistedCode: "BRAND_NEW"},
			})
			if done.Row.UnlistedCode != "BRAND_NEW" || done.Row.State != row.State || !done.Row.Doubt && !again {
				t.Errorf("%+v", done.Row)
			}
			if _, err := l.Begin(t.Context(), row, attempt(0)); !errors.Is(err, ledger.ErrStale) && !errors.Is(err, ledger.ErrSlotClosed) {
				t.Errorf("called all the same: %v", err)
			}
			if again { // and who has the slot now may end as ever
				if now, err := l.TakeOver(t.Context(), done.Row, 0, "w3", true); err != nil || now.UnlistedCode != "BRAND_NEW" {
					t.Errorf("%+v %v", now, err)
				}
			}
		})
	}
}

func testLateAnswerLeavesTheDeadDead(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	zombie := begin(t, l, get(t, l, parcel(1)), 0)
	row, err := l.TakeOver(t.Context(), zombie, 0, "w2", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = l.Settle(t.Context(), row, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown}, "w2"); err != nil {
		t.Fatal(err)
	}
	if done := finish(t, l, zombie, ledger.Finish{Move: shipped, Answered: true}); done.Row.State != shipment.Dead || !done.Late {
		t.Fatalf("only a person takes a dead letter on: %+v", done)
	}
}
