package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// notice is one of the n-th parcel, of a stage.
func notice(n int, id string, stage int) ledger.Notice {
	return ledger.Notice{
		Key: parcel(n).Key(), ID: id, Type: "trade_status_sync", TradeStatus: "STATUS", Stage: stage,
		SentAt: time.Date(2026, 11, 23, 8, 0, stage, 0, time.UTC),
	}
}

// becomes is a decision that does not look.
func becomes(e ledger.Effect) func(ledger.Row) ledger.Effect {
	return func(ledger.Row) ledger.Effect { return e }
}

func undecided(t *testing.T) func(ledger.Row) ledger.Effect {
	return func(r ledger.Row) ledger.Effect {
		t.Errorf("decided about %+v", r)
		return ledger.Effect{}
	}
}

func notified(t *testing.T, l *ledger.Ledger, n ledger.Notice, decide func(ledger.Row) ledger.Effect) ledger.Noticed {
	t.Helper()
	done, err := l.Notified(t.Context(), n, decide, "w1")
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func testANoticeCountsOnce(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	accept(t, l, parcel(1))
	n := notice(1, "n1", 4)
	n.RefundStatus = "R"
	if known, err := l.OnRecord(t.Context(), n); known || err != nil {
		t.Fatal(known, err)
	}
	var mu sync.Mutex
	first := 0
	var all sync.WaitGroup
	for range 6 {
		mine := open(t, url)
		all.Go(func() {
			done, err := mine.Notified(t.Context(), n, becomes(ledger.Effect{Move: shipped}), "w1")
			if err != nil || !done.Known || done.Row.State != shipment.Shipped || done.Moved == done.Again {
				t.Errorf("%+v %v", done, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if !done.Again {
				first++
			}
		})
	}
	all.Wait()
	later := n
	later.SentAt = n.SentAt.Add(time.Hour) // it is sent again, and the same one
	if done := notified(t, l, later, undecided(t)); first != 1 || !done.Again {
		t.Errorf("%d times, %+v", first, done)
	}
	if known, err := l.OnRecord(t.Context(), later); !known || err != nil {
		t.Error(known, err)
	}
	got, err := l.Notices(t.Context(), n.Key)
	if err != nil || len(got) != 1 || got[0].RecordedAt.IsZero() || !got[0].SentAt.Equal(n.SentAt) {
		t.Fatalf("%+v %v", got, err)
	}
	n.RecordedAt, n.SentAt = got[0].RecordedAt, got[0].SentAt
	if got[0] != n {
		t.Errorf("%+v", got[0])
	}
	for name, change := range map[string]func(*ledger.Notice){
		"id": func(n *ledger.Notice) { n.ID = "n2" }, "type": func(n *ledger.Notice) { n.Type = "x" }, "status": func(n *ledger.Notice) { n.TradeStatus = "x" },
		"refund": func(n *ledger.Notice) { n.RefundStatus = "x" }, "trade": func(n *ledger.Notice) { n.Key.TradeNo = "x" }, "account": func(n *ledger.Notice) { n.Key.Partner = "x" },
	} {
		other := n
		change(&other)
		if known, err := l.OnRecord(t.Context(), other); known || err != nil {
			t.Errorf("another %s: %v %v", name, known, err)
		}
	}
}

func testNoticesOnlyMoveForward(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	refund := func(n ledger.Notice, status string) ledger.Notice {
		n.RefundStatus = status
		return n
	}
	notified(t, l, refund(notice(1, "a", 3), "first"), becomes(ledger.Effect{Refund: true}))
	before := get(t, l, parcel(1))
	if before.RefundStatus != "first" || before.Version != 1 {
		t.Fatalf("%+v", before)
	}
	for _, old := range []ledger.Notice{notice(1, "b", 2), notice(1, "c", 0), refund(notice(1, "d", 3), "older")} {
		if old.ID == "d" {
			old.SentAt = old.SentAt.Add(-time.Second)
		}
		if done := notified(t, l, old, undecided(t)); !done.Stale || done.Moved || done.Again {
			t.Errorf("%s: %+v", old.ID, done)
		}
	}
	other := notice(2, "e", 1) // of another trade
	if done := notified(t, l, other, undecided(t)); done.Stale || done.Known {
		t.Errorf("%+v", done)
	}
	if done := notified(t, l, refund(notice(1, "f", 3), "as far, and sent at the same time"), becomes(ledger.Effect{Refund: true})); done.Stale {
		t.Errorf("%+v", done)
	}
	if done := notified(t, l, notice(1, "g", 4), becomes(ledger.Effect{Move: shipped})); done.Stale || !done.Moved {
		t.Errorf("%+v", done)
	}
}

// A trade that nobody has handed over is recorded, and is found when somebody looks.
func testANoticeOfAnUnknownTrade(t *testing.T) {
	l := book(t)
	if done := notified(t, l, notice(9, "n1", 4), undecided(t)); done.Known || done.Again {
		t.Fatalf("%+v", done)
	}
	if done := notified(t, l, notice(9, "n1", 4), undecided(t)); done.Known || !done.Again {
		t.Fatalf("%+v", done)
	}
	if got, err := l.Notices(t.Context(), parcel(9).Key()); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if lines, err := l.History(t.Context(), parcel(9).Key()); err != nil || len(lines) != 0 {
		t.Fatal(lines, err)
	}
}

// What is found about a dead or closed shipment stands with it; the belt learns of a dead letter's.
func testANoticeAboutACase(t *testing.T) {
	l := book(t)
	dead := died(t, l, 1, ledger.Move{Reason: shipment.ReasonOutcomeUnknown})
	ledger.Exec(t, l, `UPDATE shipments SET feed = 0`)
	done := notified(t, l, notice(1, "n1", 4), becomes(ledger.Effect{Found: ledger.FoundShipped}))
	if r := done.Row; r.State != shipment.Dead || r.Found != ledger.FoundShipped || r.FoundAt.IsZero() || r.TradeStatus != "STATUS" ||
		r.Version != dead.Version+1 || !r.Feed || done.Moved || r.CanMarkShipped() != "" {
		t.Fatalf("%+v", done)
	}
	ledger.Exec(t, l, `UPDATE shipments SET feed = 0`)
	closed(t, l, died(t, l, 2, ledger.Move{}))
	ledger.Exec(t, l, `UPDATE shipments SET feed = 0`)
	done = notified(t, l, notice(2, "n2", 4), becomes(ledger.Effect{Found: ledger.FoundShipped}))
	if r := done.Row; r.State != shipment.Closed || r.CanSendAgain(false) != ledger.ObstacleShipped || r.Feed {
		t.Fatalf("%+v", done)
	}
	if line := lastLine(t, l, parcel(2).Key()); line.Act != ledger.ActNotified || line.Detail != "STATUS" || line.Audit || line.Actor != "w1" {
		t.Errorf("%+v", line)
	}
}

// The shipment leaves the line as by a query: the dead letter is to be fed, and whoever has it in hand begins no call.
func testANoticeTakesOutOfTheLine(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	inHand := get(t, l, parcel(1))
	ledger.Exec(t, l, `UPDATE shipments SET feed = 0`)
	over := ledger.Effect{Move: ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable, Found: ledger.FoundNotShippable, TradeStatus: "TRADE_CLOSED"}}
	r := notified(t, l, notice(1, "n1", 6), becomes(over)).Row
	if r.State != shipment.Dead || r.Reason != shipment.ReasonNotShippable || !r.Feed || r.SettledAt.IsZero() || r.Found != ledger.FoundNotShippable {
		t.Fatalf("%+v", r)
	}
	if _, err := l.Begin(t.Context(), inHand, attempt(time.Hour)); !errors.Is(err, ledger.ErrStale) {
		t.Error(err)
	}
	if a := account(t, l); a.InFlight || a.OpenAt.After(a.Now) {
		t.Errorf("the slot was wasted: %+v", a)
	}
	begin(t, l, get(t, l, parcel(2)), time.Hour)
}

// A notification settles the shipment while its call is under way. However the call ends, the shipment stays shipped,
// and the account's slot comes back, or stays closed, as it would have.
func testANoticeOvertakesTheAnswer(t *testing.T) {
	busy := ledger.Move{To: shipment.Queued, Doubt: true, Failed: true, Code: "RETRY", Delay: time.Second}
	refusal := ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Code: "TRADE_STATUS_NOT_AVAILD", Bar: true}
	silence := ledger.Move{To: shipment.Calling, Doubt: true}
	hold := ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN"}
	for name, c := range map[string]struct {
		f        ledger.Finish
		sent     int64
		open     bool // the slot comes back
		troubles int64
		held     bool
	}{
		"T":       {ledger.Finish{Move: shipped, Answered: true, Interval: time.Minute, Health: ledger.HealthWell}, 1, true, 0, false},
		"busy":    {ledger.Finish{Move: busy, Answered: true, Interval: time.Minute}, 1, true, 0, false},
		"refusal": {ledger.Finish{Move: refusal, Answered: true, Interval: time.Minute, Health: ledger.HealthWell}, 1, true, 0, false},
		"silence": {ledger.Finish{Move: silence, Health: ledger.HealthTroubled}, 1, false, 1, false},
		"hold":    {ledger.Finish{Move: hold, Answered: true, Interval: time.Minute, Health: ledger.HealthWell}, 1, true, 0, true},
		"unsent":  {ledger.Finish{NotSent: true}, 0, true, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			accept(t, l, parcel(1))
			ledger.Exec(t, l, `UPDATE accounts SET troubles = 3`)
			begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
			fence := account(t, l)
			row := notified(t, l, notice(1, "n1", 4), becomes(ledger.Effect{Move: shipped})).Row
			if row.State != shipment.Shipped || row.Token != 0 || !row.FenceAt.IsZero() {
				t.Fatalf("%+v", row)
			}
			if a := account(t, l); !a.InFlight || !a.OpenAt.Equal(fence.OpenAt) {
				t.Fatalf("the notification gave the slot away: %+v", a)
			}
			done := finish(t, l, begun, c.f)
			if r := done.Row; r.State != shipment.Shipped || r.Version != row.Version || r.SentAttempts != c.sent || done.Late {
				t.Errorf("%+v", done)
			}
			a := account(t, l)
			if a.InFlight == c.open || a.OpenAt.Before(fence.OpenAt) != c.open || (a.Hold != nil) != c.held {
				t.Errorf("%+v", a)
			}
			if c.open && !c.f.NotSent && a.OpenAt.Sub(a.Now) < 50*time.Second {
				t.Errorf("the next call may be sooner than an interval: %v", a.OpenAt.Sub(a.Now))
			}
			if n := ledger.Number(t, l, `SELECT troubles FROM accounts WHERE partner = ?`, partner); n != c.troubles {
				t.Errorf("%d troubles", n)
			}
			if n := ledger.Number(t, l, `SELECT COUNT(*) FROM history WHERE to_state = 'shipped'`); n != 1 {
				t.Errorf("shipped %d times", n)
			}
			if calls, err := l.Calls(t.Context(), parcel(1).Key()); err != nil || calls[0].Late || calls[0].FinishedAt.IsZero() {
				t.Errorf("%+v %v", calls, err)
			}
			again := finish(t, l, begun, c.f)
			again.Row.ReadAt = done.Row.ReadAt
			if again.Row != done.Row {
				t.Errorf("repeated: %+v", again)
			}
		})
	}
}

// Nor is it rescued after its fence, and another call that has the slot by then keeps it.
func testANoticeAndTheFence(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	begun := begin(t, l, get(t, l, parcel(1)), 0)
	notified(t, l, notice(1, "n1", 4), becomes(ledger.Effect{Move: shipped}))
	if overdue, err := l.Overdue(t.Context(), 10); err != nil || len(overdue) != 0 {
		t.Fatal(overdue, err)
	}
	if _, err := l.TakeOver(t.Context(), begun, 0, "w2", false); !errors.Is(err, ledger.ErrStale) {
		t.Fatal(err)
	}
	begin(t, l, get(t, l, parcel(2)), time.Hour)
	opens := account(t, l).OpenAt
	done := finish(t, l, begun, ledger.Finish{Move: shipped, Answered: true, Interval: time.Second})
	if a := account(t, l); done.Row.State != shipment.Shipped || !a.InFlight || a.OpenAt.Before(opens) {
		t.Errorf("%+v %+v", done, a)
	}
}
