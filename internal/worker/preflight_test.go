package worker_test

import (
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

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

func TestAnUnlistedCodeIsSettledByQuery(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.CallTimeout = 5 * time.Second }) // for the answers, and the fence is waited for
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
