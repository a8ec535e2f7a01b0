package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func ask(t *testing.T, l *ledger.Ledger, k shipment.Key) {
	t.Helper()
	if err := l.Ask(t.Context(), k, wang); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, l *ledger.Ledger, partners ...string) []ledger.Question {
	t.Helper()
	taken, err := l.TakeQuestions(t.Context(), partners)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func testOneQuestionIsOpenAtATime(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	accept(t, l, parcel(1))
	k := parcel(1).Key()
	if _, err := l.LastQuestion(t.Context(), k); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		mine := open(t, url)
		wg.Go(func() {
			if err := mine.Ask(t.Context(), k, wang); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := ledger.Number(t, l, `SELECT COUNT(*) FROM questions`); n != 1 {
		t.Fatalf("%d questions are open", n)
	}
	if lines, err := l.History(t.Context(), k); err != nil || len(lines) != 1 || lines[0].Act != ledger.ActAsk || !lines[0].Audit || lines[0].Actor != wang {
		t.Fatalf("%+v %v", lines, err)
	}
	open, err := l.LastQuestion(t.Context(), k)
	if err != nil || open.Key != k || open.AskedBy != wang || open.AskedAt.IsZero() || !open.TakenAt.IsZero() || !open.AnsweredAt.IsZero() {
		t.Fatalf("%+v %v", open, err)
	}
	if err := l.AnswerQuestion(t.Context(), open, ledger.Finds{Error: "no answer \xff"}, "w1"); err != nil {
		t.Fatal(err)
	}
	ask(t, l, k)
	if second, err := l.LastQuestion(t.Context(), k); err != nil || second.ID == open.ID || !second.AnsweredAt.IsZero() {
		t.Fatalf("after an answer, another one: %+v %v", second, err)
	}
	if err := l.Ask(t.Context(), parcel(2).Key(), wang); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatal(err)
	}
}

func testAQuestionIsTakenByOneWorker(t *testing.T) {
	url := newURL(t)
	l := open(t, url)
	announce(t, l)
	other := parcel(3)
	other.Partner = "2088000000000002"
	accept(t, l, parcel(1), parcel(2), other)
	ask(t, l, parcel(2).Key())
	ask(t, l, parcel(1).Key())
	ask(t, l, other.Key())
	if none := take(t, l); len(none) != 0 {
		t.Fatalf("for no account: %+v", none)
	}
	var mu sync.Mutex
	times := map[shipment.Key]int{}
	var wg sync.WaitGroup
	for range 6 {
		mine := open(t, url)
		wg.Go(func() {
			taken, err := mine.TakeQuestions(t.Context(), []string{partner})
			if err != nil || len(taken) > 1 {
				t.Errorf("%+v %v", taken, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, q := range taken {
				times[q.Key]++
			}
		})
	}
	wg.Wait()
	if times[parcel(2).Key()] != 1 || times[parcel(1).Key()] > 1 || times[other.Key()] != 0 {
		t.Fatalf("the oldest is taken first, once: %v", times)
	}
	take(t, l, partner)
	if again := take(t, l, partner); len(again) != 0 {
		t.Fatalf("in hand and taken again: %+v", again)
	}
	if both := take(t, l, partner, other.Partner); len(both) != 1 || both[0].Key != other.Key() || both[0].TakenAt.IsZero() {
		t.Fatalf("of two accounts: %+v", both)
	}
}

func testAForgottenQuestionIsTakenAgain(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	ask(t, l, parcel(1).Key())
	first := take(t, l, partner)
	ledger.BackDate(t, l, "questions", "taken_at", ledger.QuestionLease-10*time.Second)
	if early := take(t, l, partner); len(early) != 0 {
		t.Fatalf("within the lease: %+v", early)
	}
	ledger.BackDate(t, l, "questions", "taken_at", 10*time.Second)
	open, err := l.LastQuestion(t.Context(), parcel(1).Key())
	if err != nil {
		t.Fatal(err)
	}
	second := take(t, l, partner)
	if err := ledger.TakeListed(t.Context(), l, open); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("two found it open, and both have it in hand: %v", err)
	}
	if len(second) != 1 || second[0].ID != first[0].ID || !second[0].TakenAt.After(first[0].TakenAt) {
		t.Fatalf("after the lease: %+v", second)
	}
	if err := l.AnswerQuestion(t.Context(), second[0], ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "WAIT"}, "w2"); err != nil {
		t.Fatal(err)
	}
	if err := l.AnswerQuestion(t.Context(), first[0], ledger.Finds{Found: ledger.FoundShipped, TradeStatus: "SENT"}, "w1"); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("answered twice: %v", err)
	}
	q, err := l.LastQuestion(t.Context(), parcel(1).Key())
	if err != nil || q.Found != ledger.FoundWaiting || q.TradeStatus != "WAIT" || q.AnsweredAt.IsZero() {
		t.Fatalf("%+v %v", q, err)
	}
	ledger.BackDate(t, l, "questions", "taken_at", time.Hour)
	if err := ledger.TakeListed(t.Context(), l, open); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("answered and taken: %v", err)
	}
	if done := take(t, l, partner); len(done) != 0 {
		t.Fatalf("answered and taken: %+v", done)
	}
}

// What a query finds is kept with what a person has to look at; what is under way is the worker's.
func testAnAnswerIsKeptWithTheCase(t *testing.T) {
	finds := ledger.Finds{Found: ledger.FoundShipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS", RefundStatus: "R", Code: ""}
	l, n := book(t), 0
	for name, c := range map[string]struct {
		row   func(*testing.T, *ledger.Ledger, int) ledger.Row
		finds ledger.Finds
		keeps bool
		fed   bool
		text  string
	}{
		"dead": {func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			return died(t, l, n, ledger.Move{})
		}, finds, true, true, "WAIT_BUYER_CONFIRM_GOODS"},
		"closed": {func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			return closed(t, l, died(t, l, n, ledger.Move{}))
		}, finds, true, false, "WAIT_BUYER_CONFIRM_GOODS"},
		"dead, no such trade": {
			func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
				t.Helper()
				return died(t, l, n, ledger.Move{})
			},
			ledger.Finds{Found: ledger.FoundNotExist, Code: "TRADE_NOT_EXIST"},
			true, true, "TRADE_NOT_EXIST",
		},
		"dead, nothing learnt": {
			func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
				t.Helper()
				return died(t, l, n, ledger.Move{Found: ledger.FoundWaiting, TradeStatus: "WAIT"})
			}, ledger.Finds{Error: "timeout"}, false, false, "timeout",
		},
		"queued": {func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			accept(t, l, parcel(n))
			return get(t, l, parcel(n))
		}, finds, false, false, "WAIT_BUYER_CONFIRM_GOODS"},
		"calling": {func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			accept(t, l, parcel(n))
			return begin(t, l, get(t, l, parcel(n)), time.Hour)
		}, finds, false, false, "WAIT_BUYER_CONFIRM_GOODS"},
		"shipped": {func(t *testing.T, l *ledger.Ledger, n int) ledger.Row {
			t.Helper()
			accept(t, l, parcel(n))
			r, err := l.Settle(t.Context(), get(t, l, parcel(n)), shipped, "w")
			if err != nil {
				t.Fatal(err)
			}
			return r
		}, finds, false, false, "WAIT_BUYER_CONFIRM_GOODS"},
	} {
		t.Run(name, func(t *testing.T) {
			n++
			c.row(t, l, n)
			ledger.Exec(t, l, `UPDATE shipments SET feed = 0`)
			before := get(t, l, parcel(n))
			ask(t, l, before.Key())
			if err := l.AnswerQuestion(t.Context(), take(t, l, partner)[0], c.finds, "w1"); err != nil {
				t.Fatal(err)
			}
			now := get(t, l, parcel(n))
			want := before
			want.ReadAt = now.ReadAt
			if c.keeps {
				want.Found, want.TradeStatus, want.RefundStatus, want.Feed = c.finds.Found, c.finds.TradeStatus, c.finds.RefundStatus, c.fed
				want.Version, want.ChangedAt, want.FoundAt = before.Version+1, now.ChangedAt, now.ChangedAt
			}
			if now != want {
				t.Errorf("\n%+v\n%+v", now, want)
			}
			if line := lastLine(t, l, now.Key()); line.Act != ledger.ActChecked || line.Detail != c.text || line.Audit || line.Actor != "w1" {
				t.Errorf("%+v", line)
			}
			q, err := l.LastQuestion(t.Context(), now.Key())
			refund := c.finds
			refund.RefundStatus = "" // stands with the shipment
			if err != nil || q.Finds != refund {
				t.Errorf("%+v %v", q, err)
			}
		})
	}
}
