package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
)

func testETACountsWhatIsAhead(t *testing.T) {
	l := book(t)
	other := parcel(1)
	other.Batch = "earlier"
	accept(t, l, other, parcel(2), parcel(3), parcel(4))
	asked := now(t, l)
	eta, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	between(t, eta, asked, now(t, l), ledger.LookForWork+3*(time.Second+time.Second*4/100))
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "x", "boss"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"}); ok || err != nil {
		t.Fatalf("an ETA for an account on hold: %v %v", ok, err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "none"}); ok || err != nil {
		t.Fatalf("an ETA for nothing: %v %v", ok, err)
	}
}

// What is not accepted yet is reckoned as it is once it has been: behind what waits, urgent ones ahead of that.
func testETAOfWhatIsNotAcceptedYet(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	const pace = time.Second + time.Second*4/100
	for name, c := range map[string]struct {
		more  ledger.More
		calls time.Duration
	}{"behind": {ledger.More{Rest: 3}, 5}, "ahead": {ledger.More{Urgent: 3}, 3}, "both": {ledger.More{Urgent: 1, Rest: 1}, 4}} {
		asked := now(t, l)
		eta, ok, err := l.ETAOfMore(t.Context(), map[string]ledger.More{partner: c.more})
		if err != nil || !ok {
			t.Fatal(name, ok, err)
		}
		between(t, eta, asked, now(t, l), ledger.LookForWork+(c.calls-1)*pace)
	}
	for name, more := range map[string]map[string]ledger.More{"nothing": {}, "an account that nobody has announced": {partner: {Rest: 1}, "2088999999999999": {Rest: 1}}} {
		if _, ok, err := l.ETAOfMore(t.Context(), more); ok || err != nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	if _, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "x", "boss"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := l.ETAOfMore(t.Context(), map[string]ledger.More{partner: {Rest: 1}}); ok || err != nil {
		t.Errorf("an ETA for an account on hold: %v %v", ok, err)
	}
}

// A batch may end between two questions: that is no error.
func testETAWhileTheBatchEnds(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; n <= 2; n++ {
			if _, err := l.Settle(t.Context(), get(t, l, parcel(n)), shipped, "w"); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		_, _, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// An answer that is waited for is part of what a call costs, and what is in flight has had its slot.
func testETAReckonsWithTheAnswers(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	began := now(t, l)
	first := begin(t, l, get(t, l, parcel(1)), time.Hour)
	const answer = 3 * time.Second
	ledger.Exec(t, l, `UPDATE calls SET begun_at = begun_at - 3000000`)
	asked := now(t, l)
	finish(t, l, first, ledger.Finish{Move: shipped, Answered: true, Interval: time.Second})
	took := now(t, l).Sub(began) // the mean has what the ledger took itself, too
	eta, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	between(t, eta, asked, now(t, l).Add(took), time.Second+time.Second+answer)

	ledger.Exec(t, l, `UPDATE accounts SET open_at = 0`)
	asked = now(t, l)
	begin(t, l, get(t, l, parcel(2)), time.Hour) // its fence says nothing about when the next is called
	if eta, _, err = l.ETA(t.Context(), ledger.Scope{Batch: "b1"}); err != nil {
		t.Fatal(err)
	}
	between(t, eta, asked, now(t, l).Add(took), time.Second+answer)
	_, err = l.Settle(t.Context(), get(t, l, parcel(3)), shipped, "w")
	if err != nil {
		t.Fatal(err)
	}
	asked = now(t, l)
	if eta, _, err = l.ETA(t.Context(), ledger.Scope{Batch: "b1"}); err != nil {
		t.Fatal(err)
	}
	between(t, eta, asked, now(t, l), 0)
}

// between: eta is d after some time from since to until. The mean of the answers is of whole microseconds.
func between(t *testing.T, eta, since, until time.Time, d time.Duration) {
	t.Helper()
	const slack = time.Second / 2
	if eta.Before(since.Add(d)) || eta.After(until.Add(d+slack)) {
		t.Errorf("the last is called %v after the question, want %v", eta.Sub(since), d)
	}
}

func TestEmptyBy(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	const interval, pace, idle = 10 * time.Second, 10400 * time.Millisecond, ledger.LookForWork
	for name, c := range map[string]struct {
		s    ledger.Standing
		want time.Duration // after now; below 0: nobody can say
	}{
		"nothing waits":                {ledger.Standing{}, -1},
		"one":                          {ledger.Standing{Queued: 1}, idle + pace},
		"three and one past its fence": {ledger.Standing{Queued: 3, Calling: 1}, idle + 4*pace},
		"only one under way":           {ledger.Standing{Calling: 1, Account: ledger.Account{OpenAt: at.Add(time.Hour), InFlight: true}}, pace},
		"on hold":                      {ledger.Standing{Queued: 1, Account: ledger.Account{Hold: &ledger.Hold{}}}, -1},
		"slowed":                       {ledger.Standing{Queued: 1, Account: ledger.Account{Slowed: &ledger.Slowed{}}}, -1},
		"opens later":                  {ledger.Standing{Queued: 2, Account: ledger.Account{OpenAt: at.Add(7 * time.Second)}}, 7*time.Second + 2*pace},
		"opened before":                {ledger.Standing{Queued: 2, Account: ledger.Account{OpenAt: at.Add(-time.Hour)}}, idle + 2*pace},
		"a retry that is due later":    {ledger.Standing{Queued: 2, LastDue: at.Add(time.Hour)}, time.Hour + pace},
		"a retry that is due meantime": {ledger.Standing{Queued: 2, LastDue: at.Add(5 * time.Second)}, idle + 2*pace},
	} {
		c.s.Now, c.s.Interval = at, interval
		by, ok := c.s.EmptyBy()
		if ok != (c.want >= 0) || ok && by.Sub(at) != c.want {
			t.Errorf("%s: %v %v", name, by.Sub(at), ok)
		}
	}
}
