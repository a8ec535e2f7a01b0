package worker_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
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
	s := set(t, 500*time.Millisecond, impatient)
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

// The window runs from before begin: a ledger that takes longer than it for begin means that nothing is sent.
func TestASlowLedgerSendsNothingAfterTheWindow(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.accept(parcel(0))
	lock, err := sql.Open("sqlite", strings.TrimPrefix(s.book.URL(), "sqlite:")+"?_txlock=immediate&_pragma=busy_timeout(60000)")
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
