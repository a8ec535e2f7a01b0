package worker

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
)

func TestHealthOfEveryAnswer(t *testing.T) {
	for _, c := range []struct {
		a    alipay.Answer
		want ledger.Health
	}{
		{alipay.Answer{Outcome: alipay.Succeeded}, ledger.HealthWell},
		{alipay.Answer{Outcome: alipay.OutOfStep}, ledger.HealthWell},
		{alipay.Answer{Outcome: alipay.ShipmentFault}, ledger.HealthWell},
		{alipay.Answer{Outcome: alipay.AccountFault}, ledger.HealthWell},
		{alipay.Answer{Outcome: alipay.Busy, Code: "RETRY"}, ledger.HealthUnsaid},
		{alipay.Answer{Outcome: alipay.Busy, Code: "SYSTEM_ERROR"}, ledger.HealthTroubled},
		{alipay.Answer{Outcome: alipay.UnlistedCode, Code: "NEW"}, ledger.HealthTroubled},
		{alipay.Answer{}, ledger.HealthTroubled},
		{alipay.Answer{Unverified: true}, ledger.HealthWell},
	} {
		if got := healthOf(c.a); got != c.want {
			t.Errorf("%+v: %v, want %v", c.a, got, c.want)
		}
	}
}

// Two hours of SYSTEM_ERROR with 5,000 queued, in simulated time: the ledger, the decisions and the backoff are the
// real ones, the lane is a loop and the belt an order. No shipment dies, and the account is at its full pace within
// two minutes of the end.
func TestTwoHoursOfSystemErrors(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const outage, interval, shipments = 2 * time.Hour, 10 * time.Second, 5000
		d := newDrill(t, "sqlite:"+filepath.Join(dir, "fahuo.db"), interval, shipments)
		end := time.Now().Add(outage)
		d.answer = func() alipay.Answer {
			if time.Now().Before(end) {
				return alipay.Answer{Outcome: alipay.Busy, Code: "SYSTEM_ERROR", Complete: true}
			}
			return alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS", Verified: true, Complete: true}
		}
		for len(d.calls) == 0 || d.calls[len(d.calls)-1].Before(end) {
			d.step()
		}
		before := len(d.calls) - 1
		if before > ledger.TroublesInARow+int(outage/ledger.ProbeEvery) || before < 100 {
			t.Errorf("%d calls in two hours of trouble", before)
		}
		for len(d.calls) < before+40 {
			d.step()
		}
		if d.calls[before].Sub(end) > ledger.ProbeEvery+interval {
			t.Errorf("the first call after the end came after %v", d.calls[before].Sub(end))
		}
		for i := before + 1; i < len(d.calls); i++ {
			if gap := d.calls[i].Sub(d.calls[i-1]); gap < interval || gap > interval+time.Second {
				t.Errorf("call %d came %v after the one before", i, gap)
			}
		}
		counts, err := d.book.Counts(t.Context(), ledger.Scope{})
		if err != nil || counts[shipment.Dead] != 0 || counts[shipment.Shipped] != 40 {
			t.Errorf("%v %v", counts, err)
		}
		account := d.account()
		for _, r := range d.tried {
			row, err := d.book.Get(t.Context(), r)
			if spent := account.Spent(row); err != nil || spent > 10*time.Minute {
				t.Errorf("%v of the budget are spent (%v)", spent, err)
			}
		}
		if err := d.book.Close(); err != nil {
			t.Error(err)
		}
	})
}

// drill is a lane without asynq and network: what is due of what was begun goes first, then the rest in order.
type drill struct {
	t     *testing.T
	book  *ledger.Ledger
	retry Retry
	fresh []shipment.Key
	tried []shipment.Key
	calls []time.Time

	answer func() alipay.Answer // the gateway's, at the moment of the call
}

const drillPartner = "2088900000000001"

func newDrill(t *testing.T, url string, interval time.Duration, n int) *drill {
	t.Helper()
	d := &drill{t: t, retry: Retry{Base: 30 * time.Second, Cap: 30 * time.Minute, For: 24 * time.Hour}}
	var err error
	if d.book, err = ledger.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := d.book.Announce(t.Context(), []ledger.Account{{Partner: drillPartner, Interval: interval}}); err != nil {
		t.Fatal(err)
	}
	all := make([]shipment.Shipment, n)
	for i := range all {
		all[i] = shipment.Shipment{
			Partner: drillPartner, TradeNo: fmt.Sprintf("%028d", i), LogisticsName: "顺丰速运", TransportType: shipment.TransportExpress,
		}
		d.fresh = append(d.fresh, all[i].Key())
	}
	if _, err := d.book.Accept(t.Context(), all, ledger.AcceptOptions{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *drill) account() ledger.Account {
	d.t.Helper()
	a, err := d.book.Account(d.t.Context(), drillPartner)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// next is what comes off the belt.
func (d *drill) next() ledger.Row {
	d.t.Helper()
	for i, k := range d.tried {
		row, err := d.book.Get(d.t.Context(), k)
		if err != nil {
			d.t.Fatal(err)
		}
		if row.State == shipment.Queued && lookAt(row) == lookGo {
			d.tried = append(slices.Delete(d.tried, i, i+1), k)
			return row
		}
	}
	k := d.fresh[0]
	d.fresh, d.tried = d.fresh[1:], append(d.tried, k)
	row, err := d.book.Get(d.t.Context(), k)
	if err != nil {
		d.t.Fatal(err)
	}
	return row
}

// step waits for the slot and makes one call.
func (d *drill) step() {
	d.t.Helper()
	for {
		account := d.account()
		wait := account.OpenAt.Sub(account.Now)
		if wait <= 0 {
			break
		}
		time.Sleep(wait) // simulated
	}
	row := d.next()
	const timeout = 15 * time.Second
	account := d.account()
	begun, err := d.book.Begin(d.t.Context(), row, ledger.Attempt{
		Service: "ship", Worker: "w", Params: "{}", Fence: ratelimit.Fence(ratelimit.MinWindow, timeout, account.Interval),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.calls = append(d.calls, time.Now())
	a := d.answer()
	time.Sleep(200 * time.Millisecond) // simulated: the answer takes its time
	_, err = d.book.Finish(d.t.Context(), begun, ledger.Finish{
		Answered: true, Interval: account.Interval, Health: healthOf(a), Answer: Recorded(a, 200*time.Millisecond),
		Move: afterShip(facts{Row: begun, Delay: d.retry.after(begun.Failures + 1)}, a),
	})
	if err != nil {
		d.t.Fatal(err)
	}
}
