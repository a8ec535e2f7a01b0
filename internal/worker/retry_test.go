package worker_test

import (
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

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

// impatient is for tests in which calls come to nothing on purpose, and their fences are waited for.
func impatient(o *worker.Options) { o.CallTimeout = 500 * time.Millisecond }
