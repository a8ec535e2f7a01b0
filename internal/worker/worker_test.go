package worker_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

func TestShipsInOrderAtThePace(t *testing.T) {
	t.Parallel()
	s := set(t, 50*time.Millisecond)
	all := parcels(30)
	s.accept(all...)
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 30 })
	var want []string
	for _, p := range all {
		want = append(want, p.TradeNo)
	}
	if got := s.called(); !slices.Equal(got, want) {
		t.Errorf("called in the order %v", got)
	}
	for _, p := range all {
		calls, err := s.book.Calls(t.Context(), p.Key())
		ships := s.shipCalls(p)
		if err != nil || calls[0].Service != alipay.ServiceQuery || len(ships) != 1 || ships[0].Verdict != "succeeded" {
			t.Fatalf("the record of %s: %+v %v", p.TradeNo, calls, err)
		}
		if strings.Contains(ships[0].Params, "sign") || !strings.Contains(ships[0].Params, p.InvoiceNo) {
			t.Errorf("recorded parameters %s", ships[0].Params)
		}
	}
	s.lawful()
}

func TestSeveralWorkersShareOneSlot(t *testing.T) {
	t.Parallel()
	s := set(t, 50*time.Millisecond)
	s.accept(parcels(40)...)
	for i := range 3 {
		s.options.Name = fmt.Sprintf("w%d", i)
		s.start()
	}
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 40 })
	s.lawful()
}

// Two workers were given different intervals for one account: the gateway sees the larger one.
func TestWorkersThatDisagreeKeepTheLargerInterval(t *testing.T) {
	t.Parallel()
	s := set(t, 500*time.Millisecond)
	announced := func(d time.Duration) func() bool {
		return func() bool {
			a, err := s.book.Account(t.Context(), partner)
			return err == nil && a.Interval == d
		}
	}
	hasty := s.options
	hasty.Name, hasty.Accounts = "w2", []worker.Account{{Interval: 50 * time.Millisecond, Credentials: s.options.Accounts[0].Credentials}}
	w, err := worker.New(hasty)
	s.must(err)
	w.Start()
	defer func() { s.must(w.Stop(t.Context())) }()
	s.until("the smaller one announced", announced(50*time.Millisecond))
	s.start()
	s.until("the larger one announced", announced(500*time.Millisecond))
	// One call has no answer: the fence keeps the distance, too.
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(3).TradeNo, Kind: alipaytest.Hang, When: alipaytest.After})
	s.accept(parcels(8)...)
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 8 })
	s.lawful() // the gateway holds it against everybody that a gap is under 500 ms
}

func TestUrgentFirstAlsoAfterALostBelt(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	all := parcels(200)
	s.accept(all...)
	s.feed()
	urgent := parcel(1000)
	urgent.Urgent = true
	raised := all[150]
	raised.Urgent = true
	s.accept(raised, urgent)
	s.feed()
	s.redis.FlushAll() // everything queued is gone; the ledger has it
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 201 })
	order := s.called()
	if order[0] != raised.TradeNo || order[1] != urgent.TradeNo {
		t.Errorf("urgent ones were not first: %v", order[:3])
	}
	if rest := order[2:]; !slices.IsSorted(rest) || len(rest) != 199 {
		t.Errorf("the rest was not in the order of acceptance")
	}
	s.lawful()
}

func TestOutOfStepIsQueriedOnceAndNeverCalledAgain(t *testing.T) {
	t.Parallel()
	for _, face := range []alipaytest.Face{alipaytest.Before, alipaytest.After} {
		t.Run(face.String(), func(t *testing.T) {
			s := set(t, 20*time.Millisecond)
			s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.StatusNotAvailable, When: face})
			s.accept(parcels(5)...)
			s.start()
			s.until("the rest shipped", func() bool { return s.counts()[shipment.Shipped] == 4 && s.counts()[shipment.Dead] == 1 })
			want := "WAIT_SELLER_SEND_GOODS"
			if face == alipaytest.After {
				want = "WAIT_BUYER_CONFIRM_GOODS"
			}
			s.until("evidence", func() bool { return s.row(parcel(0)).TradeStatus == want })
			row := s.row(parcel(0))
			if row.Reason != shipment.ReasonTradeStatusNotAvailable || row.ErrorCode != "TRADE_STATUS_NOT_AVAILD" || !row.Barred {
				t.Errorf("%+v", row)
			}
			if s.gateway.ShipCalls(row.TradeNo) != 1 || s.queries(parcel(0)) != 2 { // preflight and evidence
				t.Errorf("%d ship calls, %d queries", s.gateway.ShipCalls(row.TradeNo), s.queries(parcel(0)))
			}
			s.until("the dead letter in its queue", func() bool { return !s.row(parcel(0)).Feed })
			there, err := s.belt.Dead(t.Context())
			if err != nil || there[row.Key()] != tasks.Present {
				t.Errorf("queue dead-letter: %v %v", there, err)
			}
			s.lawful()
		})
	}
}

func TestRetryTwiceThenSuccess(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.Retry.Base, o.Retry.Cap = time.Second, time.Minute })
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.BusyRetry, Times: 2})
	s.accept(parcel(0))
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	var at []time.Time
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() {
			at = append(at, a.At)
		}
	}
	if len(at) != 3 {
		t.Fatalf("%d ship calls", len(at))
	}
	if first, second := at[1].Sub(at[0]), at[2].Sub(at[1]); first < time.Second || second < 2*time.Second {
		t.Errorf("backoff of %v and %v, want 1 s and 2 s at least", first, second)
	}
	s.lawful()
}

// The handler alone, without feeder and rescue, must leave a shipment on the belt after each attempt.
func TestRetryFiveTimesByTheHandlerAlone(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.WithoutFeeder, o.WithoutRescue = true, true })
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.BusyRetry, Times: 5})
	s.accept(parcel(0))
	s.feed()
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	if n := s.gateway.ShipCalls(parcel(0).TradeNo); n != 6 {
		t.Errorf("%d ship calls", n)
	}
	s.lawful()
}

// impatient is for tests in which the gateway is silent on purpose, time and again.
func impatient(o *worker.Options) { o.CallTimeout = 500 * time.Millisecond }

// Whatever the gateway does after it has shipped the trade, the trade is called once and ends as shipped.
func TestEveryFaultAfterTheTradeWasShipped(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, impatient)
	var all []shipment.Shipment
	for i, kind := range alipaytest.Kinds() {
		if kind == alipaytest.StatusNotAvailable || kind == alipaytest.ErrorCode || kind == alipaytest.LateShip {
			continue // for a person; decided by the code; not after
		}
		p := parcel(i)
		all = append(all, p)
		s.gateway.Inject(alipaytest.Fault{TradeNo: p.TradeNo, Kind: kind, When: alipaytest.After, Delay: time.Second})
	}
	s.accept(all...)
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == int64(len(all)) })
	for _, p := range all {
		if n := s.gateway.ShipCalls(p.TradeNo); n != 1 {
			t.Errorf("%s was called %d times", p.TradeNo, n)
		}
	}
	s.lawful()
}

func TestEveryFaultBeforeTheTradeWasShipped(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, impatient)
	var all []shipment.Shipment
	for i, kind := range alipaytest.Kinds() {
		if kind == alipaytest.StatusNotAvailable || kind == alipaytest.ErrorCode || kind == alipaytest.LateShip ||
			kind == alipaytest.SlowAnswer || kind == alipaytest.Trickle {
			continue // for a person; decided by the code; ship after all
		}
		p := parcel(i)
		all = append(all, p)
		s.gateway.Inject(alipaytest.Fault{TradeNo: p.TradeNo, Kind: kind})
	}
	s.accept(all...)
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == int64(len(all)) })
	s.lawful()
}

func TestAnAccountRefusalStopsTheAccountNotItsShipments(t *testing.T) {
	t.Parallel()
	s := set(t, 10*time.Millisecond)
	s.accept(parcels(1000)...)
	s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_SIGN", Times: -1})
	s.start()
	s.until("held", func() bool { return s.hold() != nil })
	if h := s.hold(); h.Code != "ILLEGAL_SIGN" {
		t.Errorf("held for %q", h.Code)
	}
	if n := len(s.called()); n != 1 {
		t.Errorf("%d ship calls", n)
	}
	if c := s.counts(); c[shipment.Queued] != 1000 {
		t.Errorf("%v", c)
	}
	s.gateway.ClearFaults()
	_, err := s.book.Release(t.Context(), partner, "test")
	s.must(err)
	s.until("they go", func() bool { return s.counts()[shipment.Shipped] >= 50 })
	s.lawful()
}

func TestTheSecondRefusalOfOneShipmentKillsIt(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.ErrorCode, Code: "ILLEGAL_PARTNER", Times: -1})
	s.accept(parcels(3)...)
	s.start()
	s.until("held", func() bool { return s.hold() != nil })
	_, err := s.book.Release(t.Context(), partner, "test")
	s.must(err)
	s.until("the others shipped", func() bool { return s.counts()[shipment.Shipped] == 2 && s.counts()[shipment.Dead] == 1 })
	if r := s.row(parcel(0)); r.Reason != shipment.ReasonAccountRefused || r.ErrorCode != "ILLEGAL_PARTNER" {
		t.Errorf("%+v", r)
	}
	if s.hold() != nil {
		t.Error("held again for one shipment")
	}
	s.lawful()
}

func TestTenDeathsWithOneCodeHoldTheAccount(t *testing.T) {
	t.Parallel()
	s := set(t, 10*time.Millisecond)
	s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT", Times: -1})
	s.accept(parcels(30)...)
	s.start()
	s.until("held", func() bool { return s.hold() != nil })
	if c := s.counts(); c[shipment.Dead] != 10 || c[shipment.Queued] != 20 {
		t.Errorf("%v", c)
	}
	s.lawful()
}

func TestAnAccountThatMayNotQueryWorksWithoutPreflight(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.gateway.Inject(
		alipaytest.Fault{Service: "query", Kind: alipaytest.ErrorCode, Code: "ILLEGAL_PARTNER_EXTERFACE", Times: -1},
		alipaytest.Fault{TradeNo: parcel(1).TradeNo, Kind: alipaytest.BusyRetry},
	)
	s.accept(parcels(3)...)
	s.start()
	s.until("all settled", func() bool { return s.counts()[shipment.Shipped] == 2 && s.counts()[shipment.Dead] == 1 })
	if r := s.row(parcel(1)); r.Reason != shipment.ReasonOutcomeUnknown || s.gateway.ShipCalls(r.TradeNo) != 1 {
		t.Errorf("%+v", r)
	}
	if s.queries(parcel(0)) != 1 || s.queries(parcel(2)) != 0 {
		t.Error("it goes on asking")
	}
	s.lawful()
}

func TestAnUnlistedCodeIsSettledByQuery(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.gateway.Inject(
		alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.ErrorCode, Code: "BRAND_NEW"},
		alipaytest.Fault{TradeNo: parcel(1).TradeNo, Kind: alipaytest.ErrorCode, Code: "BRAND_NEW", When: alipaytest.After},
	)
	s.accept(parcels(2)...)
	s.start()
	s.until("settled", func() bool { return s.is(parcel(0), shipment.Dead)() && s.is(parcel(1), shipment.Shipped)() })
	if r := s.row(parcel(0)); r.Reason != shipment.ReasonUnknownCode || r.ErrorCode != "BRAND_NEW" {
		t.Errorf("%+v", r)
	}
	s.lawful()
}

func TestTheBudgetEndsRetriesAndNeverInDoubt(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.Retry.For = time.Millisecond })
	s.gateway.Inject(
		alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.BusyRetry, Times: -1},
		alipaytest.Fault{TradeNo: parcel(1).TradeNo, Kind: alipaytest.SystemError, When: alipaytest.After},
		alipaytest.Fault{TradeNo: parcel(2).TradeNo, Kind: alipaytest.SystemError},
		alipaytest.Fault{TradeNo: parcel(2).TradeNo, Service: "query", Kind: alipaytest.Hang, Times: -1},
	)
	s.accept(parcels(2)...)
	s.start()
	s.until("settled", func() bool { return s.is(parcel(0), shipment.Dead)() && s.is(parcel(1), shipment.Shipped)() })
	if r := s.row(parcel(0)); r.Reason != shipment.ReasonRetriesExhausted {
		t.Errorf("%+v", r)
	}
	s.accept(parcel(2))
	s.until("dead", s.is(parcel(2), shipment.Dead))
	if r := s.row(parcel(2)); r.Reason != shipment.ReasonOutcomeUnknown || s.gateway.ShipCalls(r.TradeNo) != 1 {
		t.Errorf("%+v", r)
	}
	s.lawful()
}

func TestPreflightDeaths(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	for i, status := range []string{"TRADE_SUCCESS", "TRADE_FINISHED", "WAIT_BUYER_PAY", "WAIT_BUYER_CONFIRM_GOODS"} {
		s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: parcel(i).TradeNo, Status: status})
	}
	s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: parcel(4).TradeNo, Kind: alipaytest.ErrorCode, Code: "TRADE_IS_NOT_EXIST"})
	s.accept(parcels(5)...)
	s.start()
	s.until("all dead", func() bool { return s.counts()[shipment.Dead] == 5 })
	for i, want := range []shipment.Reason{
		shipment.ReasonNotShippable, shipment.ReasonNotShippable, shipment.ReasonNotShippable, shipment.ReasonAlreadyShipped, shipment.ReasonTradeNotExist,
	} {
		if r := s.row(parcel(i)); r.Reason != want {
			t.Errorf("%s: %s, want %s", r.TradeStatus, r.Reason, want)
		}
	}
	if len(s.called()) != 0 {
		t.Error("something was called")
	}
	s.lawful()
}

func TestARefundIsShippedAndFlagged(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.gateway.PutTrade(alipaytest.Trade{Partner: partner, No: parcel(0).TradeNo, RefundStatus: "WAIT_SELLER_AGREE"})
	s.accept(parcel(0))
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	if r := s.row(parcel(0)); r.RefundStatus != "WAIT_SELLER_AGREE" {
		t.Errorf("%+v", r)
	}
}

func TestWithoutPreflight(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.Accounts[0].NoPreflight = true })
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(1).TradeNo, Kind: alipaytest.SystemError, When: alipaytest.After})
	s.accept(parcels(2)...)
	s.start()
	s.until("shipped", func() bool { return s.counts()[shipment.Shipped] == 2 })
	if s.queries(parcel(0)) != 0 || s.queries(parcel(1)) != 1 {
		t.Error("queried without need, or not in doubt")
	}
	s.lawful()
}

// A task that was put into the queue directly is taken into the ledger; the ledger's details are shipped.
func TestTasksPutDirectly(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.WithoutFeeder = true })
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: parcel(0), Line: tasks.Main}))
	s.accept(parcel(1))
	other := parcel(1)
	other.InvoiceNo = "OTHER"
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: other, Line: tasks.Main}))
	broken := parcel(2)
	broken.LogisticsName = ""
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: broken, Line: tasks.Main}))
	s.start()
	s.until("settled", func() bool { return s.counts()[shipment.Shipped] == 2 })
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() && a.TradeNo == other.TradeNo && a.Params["invoice_no"] != "SF1" {
			t.Errorf("shipped %v", a.Params)
		}
	}
	lines, err := s.book.History(t.Context(), other.Key())
	if err != nil || !strings.Contains(fmt.Sprint(lines), "OTHER") {
		t.Errorf("the difference is not in the history: %v %v", lines, err)
	}
	s.until("the broken one dead", func() bool { return s.counts()[shipment.Dead] == 1 })
	letters, err := s.book.Dead(t.Context(), ledger.Scope{}, 10)
	if err != nil || len(letters) != 1 || letters[0].Reason != shipment.ReasonBadPayload {
		t.Errorf("%+v %v", letters, err)
	}
	// What was wrong with the task is not held against the shipment.
	s.accept(parcel(2))
	s.feed()
	s.until("shipped after all", s.is(parcel(2), shipment.Shipped))
	s.lawful()
}

// A stop in the middle: what is under way is recorded, what is in hand comes back first.
func TestStopHandsBack(t *testing.T) {
	t.Parallel()
	s := set(t, 100*time.Millisecond)
	s.accept(parcels(20)...)
	stop := s.start()
	s.until("three called", func() bool { return len(s.called()) == 3 })
	stop()
	c := s.counts()
	if c[shipment.Calling] != 0 || c[shipment.Shipped]+c[shipment.Queued] != 20 {
		t.Fatalf("%v", c)
	}
	n := len(s.called())
	if int64(n) != c[shipment.Shipped] {
		t.Errorf("%d called, %d shipped", n, c[shipment.Shipped])
	}
	s.start()
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 20 })
	if !slices.IsSorted(s.called()) {
		t.Errorf("the order was lost: %v", s.called())
	}
	s.lawful()
}

func TestCancelledWhileInHand(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	var once sync.Once
	s.options.OnStep = func(_ string, step worker.Step) {
		if step == worker.StepConnect {
			once.Do(func() {
				_, _, err := s.book.Cancel(t.Context(), ledger.Scope{TradeNo: parcel(0).TradeNo}, "clerk")
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	s.accept(parcels(2)...)
	s.start()
	s.until("the other shipped", s.is(parcel(1), shipment.Shipped))
	if s.row(parcel(0)).State != shipment.Closed || s.gateway.ShipCalls(parcel(0).TradeNo) != 0 {
		t.Error("a cancelled shipment was called")
	}
	s.lawful()
}

// The window runs from before begin: a ledger that takes longer than it for begin means that nothing is sent.
func TestASlowLedgerSendsNothingAfterTheWindow(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.accept(parcel(0))
	lock, err := sql.Open("sqlite", strings.TrimPrefix(s.book.URL(), "sqlite:")+"?_txlock=immediate")
	s.must(err)
	defer func() { s.must(lock.Close()) }()
	var once sync.Once
	s.options.OnStep = func(_ string, step worker.Step) {
		if step != worker.StepBegin {
			return
		}
		once.Do(func() {
			tx, err := lock.BeginTx(t.Context(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			time.AfterFunc(3*time.Second, func() { _ = tx.Rollback() }) // meanwhile begin waits for the lock
		})
	}
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	ships := s.shipCalls(parcel(0))
	if len(ships) != 1 || ships[0].Verdict != "succeeded" || s.gateway.ShipCalls(parcel(0).TradeNo) != 1 {
		t.Errorf("sent %+v, %d calls at the gateway", ships, s.gateway.ShipCalls(parcel(0).TradeNo))
	}
	if r := s.row(parcel(0)); r.SentAttempts != 1 || r.Attempt < 2 { // one more for each time that the machine is slow
		t.Errorf("%+v", r)
	}
	s.lawful()
}

// After a silence the account opens at the fence, not an interval after the waiting was over, and the next call
// comes then.
func TestTheNextCallAfterASilenceComesAtTheFence(t *testing.T) {
	t.Parallel()
	s := set(t, 2*time.Second, func(o *worker.Options) { o.CallTimeout = 2500 * time.Millisecond })
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.Hang})
	s.accept(parcels(2)...)
	s.start()
	var silent ledger.Call
	s.until("the silence over, and recorded", func() bool {
		for _, c := range s.shipCalls(parcel(0)) {
			silent = c
		}
		return !silent.FinishedAt.IsZero()
	})
	account, err := s.book.Account(t.Context(), partner)
	s.must(err)
	// The fence is 1 s + 3 s + 0.5 s; waiting (3.5 s) and an interval after it would be 5.5 s.
	if fence := silent.FenceAt.Sub(silent.BegunAt); fence != 4500*time.Millisecond {
		t.Errorf("the fence is after %v", fence)
	}
	if len(s.shipCalls(parcel(1))) == 0 && !account.OpenAt.Equal(silent.FenceAt) {
		t.Errorf("the account opens at %v, the fence is at %v", account.OpenAt, silent.FenceAt)
	}
	s.until("the second called", func() bool { return s.gateway.ShipCalls(parcel(1).TradeNo) == 1 })
	if next := s.shipCalls(parcel(1))[0]; next.BegunAt.Before(silent.FenceAt) {
		t.Errorf("the next call was begun %v before the fence", silent.FenceAt.Sub(next.BegunAt))
	}
	s.lawful()
}

// shipCalls are a shipment's ship calls as the ledger has them, without those that were not sent: a ledger that is
// slow for a moment costs one of those, and is nobody's mistake.
func (s *scene) shipCalls(p shipment.Shipment) []ledger.Call {
	s.t.Helper()
	calls, err := s.book.Calls(s.t.Context(), p.Key())
	s.must(err)
	return slices.DeleteFunc(calls, func(c ledger.Call) bool {
		return c.Service != alipay.ServiceShip || c.Verdict == ledger.VerdictNotSent
	})
}

func TestAStrangeTaskIsADeadLetterOnce(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	client := asynq.NewClientFromRedisClient(s.belt.Redis())
	_, err := client.EnqueueContext(t.Context(), asynq.NewTask("other:type", []byte("\x00\xff no shipment")),
		asynq.TaskID("order#9:x"), asynq.Queue(tasks.Queue(partner, tasks.Main)))
	s.must(err)
	s.start()
	s.until("dead", func() bool { return s.counts()[shipment.Dead] == 1 })
	rows, err := s.book.Dead(t.Context(), ledger.Scope{}, 10)
	s.must(err)
	if len(rows) != 1 || rows[0].Reason != shipment.ReasonBadPayload || strings.ContainsAny(rows[0].TradeNo, "#:") {
		t.Fatalf("%+v", rows)
	}
	s.until("in its queue", func() bool {
		there, err := s.belt.Dead(t.Context())
		return err == nil && there[rows[0].Key()] == tasks.Present
	})
	s.lawful()
}
