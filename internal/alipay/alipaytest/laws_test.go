package alipaytest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fahuo/internal/alipay/alipaytest"
)

// direct gives a good ship call to the handler, without a network: inside a synctest bubble time stands
// still meanwhile.
func direct(t *testing.T, g http.Handler, no string) {
	t.Helper()
	o := sign(t, credentials(), shipParams(no))
	r := httptest.NewRequestWithContext(t.Context(), o.method, alipaytest.Path+"?"+o.query, strings.NewReader(o.body))
	r.Header.Set("Content-Type", o.contentType)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "<is_success>T<") {
		t.Errorf("answer %s", w.Body)
	}
}

func number(i int) string { return fmt.Sprintf("20140403110010043700%08d", i) }

func TestGapLaw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := alipaytest.New(alipaytest.Options{
			Accounts: []alipaytest.Account{{Credentials: credentials()}}, AutoTrades: true, Interval: 10 * time.Second,
		})
		direct(t, g, number(1))
		<-time.After(10 * time.Second) // exactly the interval: allowed
		direct(t, g, number(2))
		if b := g.Breaches(); len(b) > 0 {
			t.Errorf("a gap of the interval: %v", b)
		}
		<-time.After(10*time.Second - 1) // there is no tolerance
		direct(t, g, number(3))
		b := g.Breaches()
		if len(b) != 1 || b[0].Law != alipaytest.Gap || b[0].N != 3 || b[0].TradeNo != number(3) || b[0].Partner != partner {
			t.Errorf("a gap of 1 ns less: %v", b)
		}
		var gaps []time.Duration
		for _, a := range g.Arrivals() {
			gaps = append(gaps, a.Gap)
		}
		if want := []time.Duration{0, 10 * time.Second, 10*time.Second - 1}; !slices.Equal(gaps, want) {
			t.Errorf("gaps %v, want %v", gaps, want)
		}
	})
}

func TestGapLawKnowsAccounts(t *testing.T) {
	t.Parallel()
	other := credentials()
	other.Partner = "2088000000000002"
	s := start(t, func(o *alipaytest.Options) {
		o.Interval = time.Hour
		o.Accounts = append(o.Accounts, alipaytest.Account{Credentials: other, Interval: time.Nanosecond})
	})
	ship(t, s, number(1))
	query(t, s, number(2)) // queries have no pace here
	for i := range 2 {
		params := shipParams(number(10 + i))
		params["partner"] = other.Partner
		if _, err := send(within(t), s.URL(), sign(t, other, params)); err != nil {
			t.Fatal(err)
		}
	}
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("accounts are measured together: %v", b)
	}
	ship(t, s, number(3))
	if got := laws(s.Gateway); !slices.Equal(got, []alipaytest.Law{alipaytest.Gap}) {
		t.Errorf("laws %v", got)
	}
}

func TestInFlightLaw(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{TradeNo: number(1), Kind: alipaytest.Hang})
	ctx, cancel := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() {
		_, err := call(ctx, t, s, shipParams(number(1)))
		ended <- err
	}()
	wait(t, s.Gateway, func(g *alipaytest.Gateway) bool { return g.ShipCalls(number(1)) == 1 })
	query(t, s, number(2)) // is not a ship call
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("a query beside a call: %v", b)
	}
	ship(t, s, number(2))
	b := s.Breaches()
	if len(b) != 1 || b[0].Law != alipaytest.InFlight || b[0].TradeNo != number(2) || !strings.Contains(b[0].Detail, "arrival 1 ") {
		t.Errorf("two in flight: %v", b)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ship(t, s, number(3)) // the connection has ended, and the flight with it
	if n := len(s.Breaches()); n != 1 {
		t.Errorf("%d breaches: %v", n, s.Breaches())
	}
}

// The flight ends with the connection at once, not when the server gets round to noticing.
func TestACallRightAfterAClosedConnection(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.Hang, Times: -1})
	for i := range 100 {
		ctx, cancel := context.WithCancel(within(t))
		go func() {
			_ = s.Wait(ctx, func(g *alipaytest.Gateway) bool { return g.ShipCalls(number(i)) == 1 })
			cancel()
		}()
		if _, err := call(ctx, t, s, shipParams(number(i))); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("%d breaches: %v", len(b), b[0])
	}
}

// A client that has its answer may call at once: the record is settled before the bytes leave.
func TestACallRightAfterAnAnswer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.Trickle, Delay: time.Millisecond, Times: 20})
	for i := range 100 {
		ship(t, s, number(i))
		if a := s.Arrivals()[i]; a.Answer != "T" || a.Answered.Before(a.At) {
			t.Fatalf("answered and not recorded: %+v", a)
		}
	}
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("breaches: %v", b)
	}
}

func TestAlreadyShippedLaw(t *testing.T) {
	t.Parallel()
	s := start(t)
	ship(t, s, tradeNo)
	if a := ship(t, s, tradeNo); !succeeds(a, nil) {
		t.Errorf("shipping again answers T (U7): %+v", a)
	}
	b := s.Breaches()
	if len(b) != 1 || b[0].Law != alipaytest.AlreadyShipped || b[0].N != 2 {
		t.Errorf("breaches: %v", b)
	}
	if a := s.Arrivals()[1]; !a.Repeat || a.Applied || s.ShipCalls(tradeNo) != 2 {
		t.Errorf("arrival %+v, calls %d", a, s.ShipCalls(tradeNo))
	}
}

func TestAfterRefusalLaw(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable})
	ship(t, s, tradeNo)
	query(t, s, tradeNo) // is what C1 asks for
	if b := s.Breaches(); len(b) > 0 {
		t.Errorf("a query after the refusal: %v", b)
	}
	ship(t, s, tradeNo)
	if got := laws(s.Gateway); !slices.Equal(got, []alipaytest.Law{alipaytest.AfterRefusal}) {
		t.Errorf("laws %v", got)
	}
	s.PutTrade(alipaytest.Trade{Partner: partner, No: tradeNo}) // a person has settled it with Alipay
	ship(t, s, tradeNo)
	if n := len(s.Breaches()); n != 1 {
		t.Errorf("breaches: %v", s.Breaches())
	}
}

// A person may have a refused trade called once more when it waits after all. A program that goes on by itself asks as
// often, and is found out the second time.
func TestOneCallAfterARefusalIsAPersons(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable, Times: -1})
	ship(t, s, tradeNo)
	for round, want := range []int{0, 1, 2} {
		for range 3 {
			query(t, s, tradeNo)
		}
		ship(t, s, tradeNo)
		if b := s.Breaches(); len(b) != want {
			t.Errorf("after %d calls more: %v", round+1, b)
		}
	}
	const other = "2026112300001001000000000099"
	s.PutTrade(alipaytest.Trade{Partner: partner, No: other, Status: "TRADE_CLOSED"})
	ship(t, s, other)
	for range 3 {
		query(t, s, other)
	}
	ship(t, s, other)
	if b := s.Breaches(); len(b) != 3 || b[2].TradeNo != other {
		t.Errorf("a trade that does not wait: %v", b)
	}
}

// A trade that was shipped by a call which was answered TRADE_STATUS_NOT_AVAILD breaks both laws.
func TestBothLawsAboutTrades(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable, When: alipaytest.After})
	ship(t, s, tradeNo)
	ship(t, s, tradeNo)
	if got := laws(s.Gateway); !slices.Equal(got, []alipaytest.Law{alipaytest.AlreadyShipped, alipaytest.AfterRefusal}) {
		t.Errorf("laws %v", got)
	}
}
