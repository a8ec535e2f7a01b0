package worker_test

import (
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
)

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
	_, err := s.book.Release(t.Context(), partner, "", "test")
	s.must(err)
	s.until("they go", func() bool { return s.counts()[shipment.Shipped] >= 50 })
	s.lawful()
}

// A release without a remedy kills nothing: the account is held again, each time by another shipment, for none is known
// to be wrong by itself (A1).
func TestAReleaseWithoutARemedyKillsNothing(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} { // alone in line, and not
		s := set(t, 20*time.Millisecond)
		s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_SIGN", Times: -1})
		s.accept(parcels(n)...)
		s.start()
		refused := make(map[string]bool)
		for range 3 {
			s.until("held", func() bool { return s.hold() != nil })
			refused[s.called()[len(s.called())-1]] = true
			_, err := s.book.Release(t.Context(), partner, "", "test")
			s.must(err)
		}
		s.until("held", func() bool { return s.hold() != nil })
		if c := s.counts(); c[shipment.Queued] != int64(n) || len(refused) != n {
			t.Errorf("%v; called: %v", c, refused)
		}
		s.gateway.ClearFaults()
		_, err := s.book.Release(t.Context(), partner, "", "test")
		s.must(err)
		s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == int64(n) })
		s.lawful()
	}
}

func TestTheSecondRefusalOfOneShipmentKillsIt(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.ErrorCode, Code: "ILLEGAL_PARTNER", Times: -1})
	s.accept(parcels(3)...)
	s.start()
	s.until("held", func() bool { return s.hold() != nil })
	_, err := s.book.Release(t.Context(), partner, "", "test")
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
