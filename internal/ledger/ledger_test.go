package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partner = "2088000000000001"

// book opens a new ledger that knows one account with the given interval.
func book(t *testing.T) *ledger.Ledger {
	t.Helper()
	l := open(t, filepath.Join(t.TempDir(), "fahuo.db"))
	announce(t, l, time.Second)
	return l
}

func open(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func announce(t *testing.T, l *ledger.Ledger, interval time.Duration) {
	t.Helper()
	if err := l.Announce(t.Context(), []ledger.Account{{Partner: partner, Name: "旗舰店", Interval: interval}}); err != nil {
		t.Fatal(err)
	}
}

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("%028d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, Batch: "b1",
	}
}

func accept(t *testing.T, l *ledger.Ledger, shipments ...shipment.Shipment) []ledger.Acceptance {
	t.Helper()
	answers, err := l.Accept(t.Context(), shipments, ledger.AcceptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func get(t *testing.T, l *ledger.Ledger, s shipment.Shipment) ledger.Row {
	t.Helper()
	r, err := l.Get(t.Context(), s.Key())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func attempt(fence time.Duration) ledger.Attempt {
	return ledger.Attempt{Service: "ship", Worker: "w1", Params: "{}", Fence: fence}
}

func begin(t *testing.T, l *ledger.Ledger, r ledger.Row, fence time.Duration) ledger.Row {
	t.Helper()
	begun, err := l.Begin(t.Context(), r, attempt(fence))
	if err != nil {
		t.Fatal(err)
	}
	return begun
}

func finish(t *testing.T, l *ledger.Ledger, begun ledger.Row, f ledger.Finish) ledger.Finished {
	t.Helper()
	done, err := l.Finish(t.Context(), begun, f)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func account(t *testing.T, l *ledger.Ledger) ledger.Account {
	t.Helper()
	a, err := l.Account(t.Context(), partner)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// openSlot makes the slot free again without waiting: a call that was not sent gives it back at once.
func openSlot(t *testing.T, l *ledger.Ledger, begun ledger.Row) ledger.Row {
	t.Helper()
	return finish(t, l, begun, ledger.Finish{Answer: ledger.Answer{Verdict: ledger.VerdictNotSent}, NotSent: true}).Row
}

var shipped = ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}

func TestOpenRefusesWhatIsNoLedger(t *testing.T) {
	for url, want := range map[string]string{
		"":                       "is not sqlite:PATH",
		"sqlite:":                "is not sqlite:PATH",
		"fahuo.db":               "is not sqlite:PATH",
		"postgres://localhost/x": "PostgreSQL",
		"sqlite:a?b":             "not allowed",
		"sqlite:" + filepath.Join(t.TempDir(), "no", "such", "fahuo.db"): "the directory is not there",
	} {
		if _, err := ledger.Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", url, err, want)
		}
	}
}

func TestManyOpenANewLedgerAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new.db")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			l, err := ledger.Open(t.Context(), "sqlite:"+path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = l.Identity()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("one ledger, several identities: %q", ids)
		}
	}
	if other := open(t, filepath.Join(t.TempDir(), "other.db")); other.Identity() == ids[0] {
		t.Fatal("two ledgers have one identity")
	}
}

func TestAcceptIsOncePerKey(t *testing.T) {
	l := book(t)
	a := parcel(1)
	changed := a
	changed.InvoiceNo = "SF999"
	noted := a
	noted.OrderRef, noted.Batch = "order 7", "b2"
	answers := accept(t, l, a, a, changed, noted, parcel(2))
	want := []ledger.Verdict{ledger.Accepted, ledger.Already, ledger.Conflict, ledger.Already, ledger.Accepted}
	for i, w := range want {
		if answers[i].Verdict != w {
			t.Errorf("answer %d is %v, want %v", i, answers[i].Verdict, w)
		}
	}
	if d := answers[2].Difference; d != (shipment.Difference{Field: "invoice_no", Old: "SF1", New: "SF999"}) {
		t.Errorf("the conflict says %+v", d)
	}
	if got := get(t, l, a).Shipment; got != a {
		t.Errorf("the ledger holds %+v, want %+v", got, a)
	}
}

func TestAcceptByManyAtOnceIsOncePerKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fahuo.db")
	const rows, hands = 200, 4
	var mu sync.Mutex
	count := map[ledger.Verdict]int{}
	var wg sync.WaitGroup
	for range hands {
		l := open(t, path)
		wg.Go(func() {
			for i := range rows {
				answers, err := l.Accept(t.Context(), []shipment.Shipment{parcel(i)}, ledger.AcceptOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				count[answers[0].Verdict]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if count[ledger.Accepted] != rows || count[ledger.Already] != rows*(hands-1) {
		t.Fatalf("%v, want %d accepted and %d already", count, rows, rows*(hands-1))
	}
}

func TestAcceptDryRunAndStrictChangeNothing(t *testing.T) {
	l := book(t)
	answers, err := l.Accept(t.Context(), []shipment.Shipment{parcel(1)}, ledger.AcceptOptions{DryRun: true})
	if err != nil || answers[0].Verdict != ledger.Accepted {
		t.Fatal(answers, err)
	}
	accept(t, l, parcel(2))
	conflict := parcel(2)
	conflict.LogisticsName = "圆通"
	answers, err = l.Accept(t.Context(), []shipment.Shipment{parcel(3), conflict}, ledger.AcceptOptions{Strict: true})
	if err != nil || answers[1].Verdict != ledger.Conflict {
		t.Fatal(answers, err)
	}
	for _, n := range []int{1, 3} {
		if _, err := l.Get(t.Context(), parcel(n).Key()); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("shipment %d: %v, want none", n, err)
		}
	}
}

func TestUrgentRaisesAQueuedShipment(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	before := get(t, l, parcel(1))
	if err := l.Fed(t.Context(), []ledger.Row{before}); err != nil {
		t.Fatal(err)
	}
	urgent := parcel(1)
	urgent.Urgent = true
	if a := accept(t, l, urgent); a[0].Verdict != ledger.Already {
		t.Fatal(a)
	}
	after := get(t, l, parcel(1))
	if !after.Urgent || !after.Feed || after.Version != before.Version+1 {
		t.Fatalf("%+v", after)
	}
	if accept(t, l, urgent); get(t, l, parcel(1)).Version != after.Version {
		t.Fatal("raising it again changed it")
	}
}

func TestClosedWithoutACallIsAcceptedAnew(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	old := get(t, l, parcel(1))
	closed, left, err := l.Cancel(t.Context(), ledger.Scope{Partner: partner, TradeNo: parcel(1).TradeNo}, "clerk")
	if err != nil || closed != 1 || len(left) != 0 {
		t.Fatal(closed, left, err)
	}
	changed := parcel(1)
	changed.InvoiceNo = "SF42"
	if a := accept(t, l, changed); a[0].Verdict != ledger.Accepted {
		t.Fatal(a)
	}
	now := get(t, l, parcel(1))
	if now.InvoiceNo != "SF42" || now.State != shipment.Queued || now.ID <= get(t, l, parcel(2)).ID {
		t.Fatalf("%+v", now)
	}
	if _, err := l.Begin(t.Context(), old, attempt(time.Second)); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("the old row can still be begun: %v", err)
	}
}

func TestBeginTakesRowAndSlotTogether(t *testing.T) {
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

func TestBeginRefusals(t *testing.T) {
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
	if err := l.SetHold(t.Context(), partner, "ILLEGAL_SIGN", "why", "w"); err != nil {
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

func TestBeginByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fahuo.db")
	l := open(t, path)
	announce(t, l, time.Second)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	var mu sync.Mutex
	begun := 0
	var wg sync.WaitGroup
	for range 4 {
		mine := open(t, path)
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

func TestFinishOpensOneIntervalAfterTheAnchor(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	before := l.Now()
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

func TestFinishTwiceChangesNothing(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	f := ledger.Finish{Move: ledger.Move{To: shipment.Queued, Doubt: true, Failed: true}, Answered: true}
	first := finish(t, l, begun, f)
	second := finish(t, l, begun, f)
	if first.Row != second.Row || first.Row.Failures != 1 {
		t.Fatalf("\n%+v\n%+v", first.Row, second.Row)
	}
}

func TestWithoutAnAnswerNothingOpensBeforeTheFence(t *testing.T) {
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

func TestNotSentGivesEverythingBack(t *testing.T) {
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

func TestTakeOverAfterTheFence(t *testing.T) {
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

func TestLateAnswers(t *testing.T) {
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

func TestLateAnswerRaisesTheOpeningTime(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2))
	zombie := begin(t, l, get(t, l, parcel(1)), 0)
	if _, err := l.TakeOver(t.Context(), zombie, 0, "w2", true); err != nil {
		t.Fatal(err)
	}
	openSlot(t, l, begin(t, l, get(t, l, parcel(2)), 0))
	finish(t, l, zombie, ledger.Finish{Move: shipped, Answered: true, Interval: time.Minute})
	if a := account(t, l); a.OpenAt.Sub(a.Now) < 59*time.Second {
		t.Fatalf("opens in %v, want a minute after the late answer", a.OpenAt.Sub(a.Now))
	}
}

func TestLateAnswerLeavesTheDeadDead(t *testing.T) {
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

func TestSettleIsCompareAndSwap(t *testing.T) {
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

func TestAccountRefusalHoldsAndReleases(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	begun := begin(t, l, get(t, l, parcel(1)), time.Hour)
	done := finish(t, l, begun, ledger.Finish{Answered: true, Interval: 0, Move: ledger.Move{
		To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN", Detail: "refused",
	}})
	a := account(t, l)
	if a.Hold == nil || a.Hold.Code != "ILLEGAL_SIGN" || done.Row.Holds != 1 || done.Row.Failures != 0 {
		t.Fatalf("%+v %+v", a, done.Row)
	}
	if released, err := l.Release(t.Context(), partner, "boss"); err != nil || !released {
		t.Fatal(released, err)
	}
	if released, err := l.Release(t.Context(), partner, "boss"); err != nil || released {
		t.Fatalf("released twice: %v %v", released, err)
	}
	begin(t, l, done.Row, time.Hour)
	if err := l.SetHold(t.Context(), "2088999999999999", ledger.HoldManual, "x", "boss"); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("an unknown account was held: %v", err)
	}
}

func TestTenDeathsWithOneCodeHold(t *testing.T) {
	l := book(t)
	die := func(n int, code string) {
		t.Helper()
		accept(t, l, parcel(n))
		_, err := l.Settle(t.Context(), get(t, l, parcel(n)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist, Code: code}, "w")
		if err != nil {
			t.Fatal(err)
		}
	}
	held := func() bool { return account(t, l).Hold != nil }
	for n := range 9 {
		die(n, "TRADE_NOT_EXIST")
	}
	die(9, "ILLEGAL_ARGUMENT") // another code: a new row
	for n := 10; n < 19; n++ {
		die(n, "TRADE_NOT_EXIST")
	}
	accept(t, l, parcel(100))
	if _, err := l.Settle(t.Context(), get(t, l, parcel(100)), shipped, "w"); err != nil { // a success: a new row
		t.Fatal(err)
	}
	for n := 20; n < 29; n++ {
		die(n, "TRADE_NOT_EXIST")
	}
	if held() {
		t.Fatal("held after nine in a row")
	}
	die(30, "TRADE_NOT_EXIST")
	if !held() {
		t.Fatal("not held after ten in a row")
	}
}

func TestBudgetDoesNotCountHolds(t *testing.T) {
	var a ledger.Account
	if a.Spent(ledger.Row{}) != 0 {
		t.Fatal("a budget is spent before the first attempt")
	}
	l := book(t)
	accept(t, l, parcel(1))
	row := openSlot(t, l, begin(t, l, get(t, l, parcel(1)), 0))
	if err := l.SetHold(t.Context(), partner, ledger.HoldManual, "lunch", "boss"); err != nil {
		t.Fatal(err)
	}
	first := account(t, l).Spent(row)
	var later time.Duration
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		later = account(t, l).Spent(row)
	}
	if later != first {
		t.Fatalf("the budget went on from %v to %v while on hold", first, later)
	}
	if _, err := l.Release(t.Context(), partner, "boss"); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 5*time.Millisecond; {
		later = account(t, l).Spent(row)
	}
	if later <= first || later > first+15*time.Millisecond+time.Since(row.ChangedAt)/2 {
		t.Fatalf("spent %v after the release, %v before", later, first)
	}
}

func TestHistoryOnlyMovesAlongArrows(t *testing.T) {
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

func TestCancelLeavesWhatWasCalled(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1), parcel(2), parcel(3))
	finish(t, l, begin(t, l, get(t, l, parcel(1)), time.Hour), ledger.Finish{Move: shipped, Answered: true, Interval: 0, Since: time.Second})
	begin(t, l, get(t, l, parcel(2)), time.Hour)
	closed, left, err := l.Cancel(t.Context(), ledger.Scope{Batch: "b1"}, "clerk")
	if err != nil || closed != 1 || len(left) != 2 {
		t.Fatal(closed, left, err)
	}
	counts, err := l.Counts(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || counts[shipment.Closed] != 1 || counts[shipment.Calling] != 1 || counts[shipment.Shipped] != 1 || len(counts) != 5 {
		t.Fatal(counts, err)
	}
}

func TestETACountsWhatIsAhead(t *testing.T) {
	l := book(t)
	other := parcel(1)
	other.Batch = "earlier"
	accept(t, l, other, parcel(2), parcel(3), parcel(4))
	eta, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if in := eta.Sub(l.Now()); in < 2900*time.Millisecond || in > 3*time.Second {
		t.Fatalf("four shipments a second apart: the last in %v, want 3 s", in)
	}
	if err := l.SetHold(t.Context(), partner, ledger.HoldManual, "x", "boss"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "b1"}); ok || err != nil {
		t.Fatalf("an ETA for an account on hold: %v %v", ok, err)
	}
	if _, ok, err := l.ETA(t.Context(), ledger.Scope{Batch: "none"}); ok || err != nil {
		t.Fatalf("an ETA for nothing: %v %v", ok, err)
	}
}

func TestUnclearContextLeavesBothOrNone(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(ctx, get(t, l, parcel(1)), attempt(time.Hour)); err == nil {
		t.Fatal("begun under a cancelled context")
	}
	row, a := get(t, l, parcel(1)), account(t, l)
	if (row.State == shipment.Calling) != a.InFlight {
		t.Fatalf("row %s, slot in flight %v", row.State, a.InFlight)
	}
}
