package worker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

const nextKey = "worker-test-key-next-fedcba987654" // a test key

// reconfigurable is a worker that is configured anew while it runs.
func reconfigurable(s *scene) *worker.Worker {
	s.t.Helper()
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	s.t.Cleanup(func() { s.must(w.Stop(context.Background())) })
	return w
}

// anew is an account with something changed about it.
func anew(a worker.Account, change func(*worker.Account, *alipay.Credentials)) worker.Account {
	creds := *a.Credentials
	change(&a, &creds)
	a.Credentials = &creds
	return a
}

// A key is replaced while shipments are under way: Alipay takes both meanwhile, nothing is refused, and from the next
// call on the new one signs.
func TestAKeyIsReplacedUnderWay(t *testing.T) {
	const interval, shipments = 50 * time.Millisecond, 40
	s := set(t, interval)
	s.accept(parcels(shipments)...)
	w := reconfigurable(s)
	s.until("some are shipped", func() bool { return s.counts()[shipment.Shipped] >= shipments/4 })
	account := anew(s.options.Accounts[0], func(_ *worker.Account, c *alipay.Credentials) { c.Key = alipay.NewSecret(nextKey) })
	changes, err := w.Reconfigure(t.Context(), []worker.Account{account})
	if err != nil || !slices.Equal(changes.Changed, []string{partner}) || len(changes.Added)+len(changes.Removed) != 0 {
		t.Fatalf("%+v %v", changes, err)
	}
	changed := len(s.gateway.Arrivals())
	const more = 5 // should all have been shipped before
	s.accept(parcels(shipments + more)...)
	s.until("all are shipped", func() bool { return s.counts()[shipment.Shipped] == shipments+more })
	for _, a := range s.gateway.Arrivals()[changed+2:] { // a query and a call may have been signed before
		if !a.AlsoKey {
			t.Errorf("%s of %s is still signed with the old key", a.Service, a.TradeNo)
		}
	}
	if changes, err = w.Reconfigure(t.Context(), []worker.Account{account}); err != nil || !changes.None() {
		t.Errorf("the same once more: %+v %v", changes, err)
	}
	s.lawful()
}

// A key is replaced while a call waits for its slot: the new one signs it. Alipay may not take the old one any more, and would
// refuse the call for the account's sake.
func TestACallThatWaitsIsSignedWithTheNewKey(t *testing.T) {
	s := set(t, 50*time.Millisecond)
	account := anew(s.options.Accounts[0], func(_ *worker.Account, c *alipay.Credentials) { c.Key = alipay.NewSecret(nextKey) })
	running := make(chan *worker.Worker, 1)
	var once sync.Once
	s.options.OnStep = func(_ string, step worker.Step) {
		if step != worker.StepConnect {
			return
		}
		once.Do(func() {
			if _, err := (<-running).Reconfigure(context.Background(), []worker.Account{account}); err != nil {
				t.Error(err)
			}
		})
	}
	running <- reconfigurable(s)
	s.accept(parcel(1))
	s.until("it is shipped", s.is(parcel(1), shipment.Shipped))
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() && !a.AlsoKey {
			t.Error("the call is signed with the old key")
		}
	}
	s.lawful()
}

func TestAccountsComeAndGo(t *testing.T) {
	const interval = 50 * time.Millisecond
	s := set(t, interval)
	w := reconfigurable(s)
	mine := s.options.Accounts[0]
	theirs := anew(mine, func(a *worker.Account, c *alipay.Credentials) { a.Name, c.Partner = "neighbour", neighbour })
	other := func(n int) shipment.Shipment {
		p := parcel(1000 + n)
		p.Partner = neighbour
		return p
	}
	s.accept(parcels(3)...)
	s.accept(other(1), other(2))
	s.until("one account is done", func() bool { return s.counts()[shipment.Shipped] == 3 })

	changes, err := w.Reconfigure(t.Context(), []worker.Account{mine, theirs})
	if err != nil || !slices.Equal(changes.Added, []string{neighbour}) {
		t.Fatalf("%+v %v", changes, err)
	}
	s.until("the new one, too", func() bool { return s.counts()[shipment.Shipped] == 5 })

	if changes, err = w.Reconfigure(t.Context(), []worker.Account{theirs}); err != nil || !slices.Equal(changes.Removed, []string{partner}) {
		t.Fatalf("%+v %v", changes, err)
	}
	s.accept(parcel(10), other(3))
	s.until("the one that is left goes on", s.is(other(3), shipment.Shipped))
	if !s.is(parcel(10), shipment.Queued)() || slices.Contains(s.called(), parcel(10).TradeNo) {
		t.Error("one that was taken out is still served")
	}
	if _, err = w.Reconfigure(t.Context(), []worker.Account{mine, theirs}); err != nil {
		t.Fatal(err)
	}
	s.until("it is back, and what waited is shipped", s.is(parcel(10), shipment.Shipped))
	s.lawful()
}

// A lane that ends while it has a shipment in hand gives it back; a call under way is recorded.
func TestALaneEndsGently(t *testing.T) {
	s := set(t, 50*time.Millisecond)
	s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.SlowAnswer, Delay: 300 * time.Millisecond, Times: -1})
	w := reconfigurable(s)
	mine := s.options.Accounts[0]
	theirs := anew(mine, func(_ *worker.Account, c *alipay.Credentials) { c.Partner = neighbour })
	s.accept(parcels(5)...)
	s.until("a call is under way", func() bool { return len(s.called()) >= 1 })
	if _, err := w.Reconfigure(t.Context(), []worker.Account{theirs}); err != nil {
		t.Fatal(err)
	}
	calls := len(s.called())
	if c := s.counts(); c[shipment.Calling] != 0 || c[shipment.Shipped] != int64(calls) || c[shipment.Queued] != int64(5-calls) {
		t.Errorf("%d calls, %v", calls, c)
	}
	s.lawful()
}

// The larger interval counts from the next call on; the gateway watches.
func TestAnIntervalIsChangedUnderWay(t *testing.T) {
	const before, after = 20 * time.Millisecond, 200 * time.Millisecond
	s := set(t, before)
	s.accept(parcels(15)...)
	w := reconfigurable(s)
	s.until("some are shipped", func() bool { return s.counts()[shipment.Shipped] >= 5 })
	slower := anew(s.options.Accounts[0], func(a *worker.Account, _ *alipay.Credentials) { a.Interval = after })
	if _, err := w.Reconfigure(t.Context(), []worker.Account{slower}); err != nil {
		t.Fatal(err)
	}
	changed := len(s.called())
	s.until("all are shipped", func() bool { return s.counts()[shipment.Shipped] == 15 })
	n := 0
	for _, a := range s.gateway.Arrivals() {
		if !a.Ship() {
			continue
		}
		if n++; n > changed+2 && a.Gap < after { // one may have been on its way, and opened the account after the old interval
			t.Errorf("call %d came %v after the one before", n, a.Gap)
		}
	}
	s.lawful()
}

func TestAFaultyConfigurationChangesNothing(t *testing.T) {
	s := set(t, 50*time.Millisecond)
	w := reconfigurable(s)
	mine := s.options.Accounts[0]
	for name, accounts := range map[string][]worker.Account{
		"none":         nil,
		"twice":        {mine, mine},
		"no interval":  {anew(mine, func(a *worker.Account, _ *alipay.Credentials) { a.Interval = 0 })},
		"without keys": {anew(mine, func(_ *worker.Account, c *alipay.Credentials) { c.Key = alipay.Secret{} })},
	} {
		if _, err := w.Reconfigure(t.Context(), accounts); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if got := w.Accounts(); len(got) != 1 || got[0] != mine {
		t.Errorf("%+v", got)
	}
	s.accept(parcel(1))
	s.until("it works on", s.is(parcel(1), shipment.Shipped))
}

// Stop waits for a lane that is just being taken out: its call is recorded before the belt is left and the ledger closed.
func TestAStopWaitsForALaneThatIsTakenOut(t *testing.T) {
	s := set(t, 50*time.Millisecond, func(o *worker.Options) { o.WithoutRescue = true }) // nobody takes the call over
	mine := s.options.Accounts[0]
	theirs := anew(mine, func(a *worker.Account, c *alipay.Credentials) { a.Interval, c.Partner = time.Hour, neighbour })
	s.options.Accounts = []worker.Account{mine, theirs}
	answered, record := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.options.OnStep = func(partner string, step worker.Step) {
		switch {
		case partner != neighbour && step == worker.StepAnswered && s.gateway.ShipCalls(parcel(1).TradeNo) > 0: // one may not have been sent
			once.Do(func() { close(answered); <-record })
		case partner == neighbour && step == worker.StepHandBack:
			// Stop has told the others. One that did not wait would be over long before the answer is recorded.
			time.AfterFunc(3*time.Second, func() { close(record) })
		}
	}
	second := func(n int) shipment.Shipment {
		p := parcel(n)
		p.Partner = neighbour
		return p
	}
	s.accept(parcel(1), second(11), second(12))
	w := reconfigurable(s)
	<-answered
	s.until("the neighbour waits for its slot", s.is(second(11), shipment.Shipped))
	s.until("with a shipment in hand", func() bool { return s.queries(second(12)) > 0 })
	go func() {
		if _, err := w.Reconfigure(context.Background(), []worker.Account{theirs}); err != nil {
			t.Error(err)
		}
	}()
	s.until("the lane is taken out", func() bool { return len(w.Accounts()) == 1 })
	s.must(w.Stop(t.Context()))
	if r := s.row(parcel(1)); r.State != shipment.Shipped {
		t.Errorf("stopped, and the call that was answered stands as %s", r.State)
	}
}
