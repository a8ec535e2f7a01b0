package alipaytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

// seen is what a client sees of a kind of fault, which must not depend on its face.
var seen = map[alipaytest.FaultKind]func(alipay.Answer, error) bool{
	alipaytest.BusyRetry:          code("RETRY"),
	alipaytest.SystemError:        code("SYSTEM_ERROR"),
	alipaytest.StatusNotAvailable: code("TRADE_STATUS_NOT_AVAILD"),
	alipaytest.ErrorCode:          code("ODD_CODE"),
	alipaytest.LowerCase:          code("ODD_CODE"),
	alipaytest.Hang:               failed(context.Canceled),
	alipaytest.LateShip:           failed(context.Canceled),
	alipaytest.Reset:              failed(syscall.ECONNRESET),
	alipaytest.Drop:               failed(io.EOF),
	alipaytest.Truncated:          failed(io.ErrUnexpectedEOF),
	alipaytest.HalfXML:            unknown(200),
	alipaytest.ServerError:        unknown(502),
	alipaytest.HTMLPage:           unknown(200),
	alipaytest.Empty:              unknown(200),
	alipaytest.HugeBody:           unknown(200),
	alipaytest.Redirect:           unknown(307),
	alipaytest.WrongSignature:     unverified,
	alipaytest.Unsigned:           unverified,
	alipaytest.BareSuccess:        unverified,
	alipaytest.WrongTradeNo:       verifiedUnknown,
	alipaytest.WrongStatus:        verifiedUnknown,
	alipaytest.SlowAnswer:         succeeds,
	alipaytest.Trickle:            succeeds,
	alipaytest.GBKAnswer:          func(a alipay.Answer, err error) bool { return code("SYSTEM_ERROR")(a, err) || succeeds(a, err) },
}

func code(want string) func(alipay.Answer, error) bool {
	return func(a alipay.Answer, err error) bool { return err == nil && a.Code == want }
}

func failed(want error) func(alipay.Answer, error) bool {
	return func(_ alipay.Answer, err error) bool { return errors.Is(err, want) }
}

func unknown(status int) func(alipay.Answer, error) bool {
	return func(a alipay.Answer, err error) bool {
		return err == nil && a.Outcome == alipay.Unknown && a.HTTPStatus == status && !a.Complete
	}
}

func unverified(a alipay.Answer, err error) bool {
	return err == nil && a.Outcome == alipay.Unknown && a.Complete && a.Unverified
}

func verifiedUnknown(a alipay.Answer, err error) bool {
	return err == nil && a.Outcome == alipay.Unknown && a.Verified
}

func succeeds(a alipay.Answer, err error) bool {
	return err == nil && a.Outcome == alipay.Succeeded && a.Verified
}

// shipsAnyway are the kinds whose face Before only means that the trade is shipped later.
var shipsAnyway = map[alipaytest.FaultKind]bool{alipaytest.SlowAnswer: true, alipaytest.Trickle: true, alipaytest.LateShip: true}

func TestEveryFaultWithBothFaces(t *testing.T) {
	t.Parallel()
	for _, kind := range alipaytest.Kinds() {
		for _, face := range []alipaytest.Face{alipaytest.Before, alipaytest.After} {
			t.Run(fmt.Sprintf("%v/%v", kind, face), func(t *testing.T) {
				t.Parallel()
				s := start(t)
				f := alipaytest.Fault{TradeNo: tradeNo, Kind: kind, When: face}
				switch kind { //nolint:exhaustive // the others need nothing
				case alipaytest.ErrorCode, alipaytest.LowerCase:
					f.Code = "ODD_CODE"
				case alipaytest.SlowAnswer, alipaytest.Trickle, alipaytest.LateShip:
					f.Delay = time.Millisecond
				}
				s.Inject(f)
				wantShipped := face == alipaytest.After || shipsAnyway[kind]
				checkFault(t, s, f, wantShipped)

				// The fault is used up; a query tells what became of the trade.
				want := "WAIT_SELLER_SEND_GOODS"
				if wantShipped {
					want = "WAIT_BUYER_CONFIRM_GOODS"
				}
				if a := query(t, s, tradeNo); !a.Verified || a.TradeStatus != want {
					t.Errorf("query: %+v, want %s", a, want)
				}
				if len(s.Breaches()) > 0 {
					t.Errorf("breaches: %v", s.Breaches())
				}
			})
		}
	}
}

// checkFault makes one call and compares what the client sees with what the record says.
func checkFault(t *testing.T, s *alipaytest.Server, f alipaytest.Fault, wantShipped bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	if f.Kind == alipaytest.Hang || f.Kind == alipaytest.LateShip {
		go func() { // the caller loses patience, once the gateway has done what it is going to do
			defer cancel()
			_ = s.Wait(ctx, func(g *alipaytest.Gateway) bool {
				all := g.Arrivals()
				return len(all) == 1 && all[0].Fault == f.Kind && all[0].Applied == wantShipped
			})
		}()
	}
	answer, err := call(ctx, t, s, shipParams(tradeNo))
	if !seen[f.Kind](answer, err) {
		t.Errorf("the client sees %+v, error %v", answer, err)
	}
	a := s.Arrivals()[0]
	if a.Applied != wantShipped || a.Fault != f.Kind || a.Repeat || a.TradeNo != tradeNo || !a.Ship() {
		t.Errorf("arrival %+v, want applied %v", a, wantShipped)
	}
	if err == nil && a.Answered.IsZero() {
		t.Error("an answer came that is not recorded")
	}
}

func TestFaultsOfQueries(t *testing.T) {
	t.Parallel()
	silent := []alipaytest.FaultKind{alipaytest.Hang, alipaytest.LateShip, alipaytest.Reset, alipaytest.Drop, alipaytest.Truncated}
	for _, kind := range alipaytest.Kinds() {
		if slices.Contains(silent, kind) {
			continue // as for ship calls
		}
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Inject(alipaytest.Fault{Service: "query", Kind: kind, Code: "503", Delay: time.Millisecond})
			a := query(t, s, tradeNo)
			switch kind { //nolint:exhaustive // all others spoil the answer
			case alipaytest.GBKAnswer, alipaytest.SlowAnswer, alipaytest.Trickle, alipaytest.WrongStatus:
				if a.Outcome != alipay.Succeeded {
					t.Errorf("%+v", a)
				}
			default:
				if a.Outcome == alipay.Succeeded {
					t.Errorf("%+v", a)
				}
			}
			if trade, _ := s.Trade(tradeNo); trade.Status != "WAIT_SELLER_SEND_GOODS" {
				t.Errorf("a query shipped the trade: %+v", trade)
			}
		})
	}
}

func TestWhomAFaultMeets(t *testing.T) {
	t.Parallel()
	const other = "2014040311001004370000361526"
	s := start(t)
	s.Inject(
		alipaytest.Fault{TradeNo: other, Kind: alipaytest.SystemError, Times: -1},
		alipaytest.Fault{Partner: "2088000000000002", Kind: alipaytest.ErrorCode, Code: "NEVER"},
		alipaytest.Fault{TradeNo: tradeNo, Kind: alipaytest.BusyRetry, Times: 2},
		alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "NEXT"},
	)
	var got []string
	for range 4 {
		got = append(got, ship(t, s, tradeNo).Code)
	}
	for range 3 {
		got = append(got, ship(t, s, other).Code)
	}
	s.ClearFaults()
	got = append(got, ship(t, s, other).Code)
	want := "[RETRY RETRY NEXT  SYSTEM_ERROR SYSTEM_ERROR SYSTEM_ERROR ]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestChanceIsRepeatable(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		s := start(t, func(o *alipaytest.Options) { o.Seed = seed })
		s.Inject(alipaytest.Fault{Kind: alipaytest.BusyRetry, Times: -1, Chance: 0.5})
		var codes string
		for i := range 24 {
			codes += ship(t, s, fmt.Sprintf("20140403110010043700%08d", i)).Code + " "
		}
		return codes
	}
	first := run(7)
	if again := run(7); again != first {
		t.Errorf("the same seed gave %q and %q", first, again)
	}
	if other := run(8); other == first {
		t.Errorf("another seed gave the same: %q", other)
	}
}

func TestSlowAnswerToACallerWhoLeft(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(alipaytest.Fault{Kind: alipaytest.SlowAnswer, Delay: time.Hour})
	ctx, cancel := context.WithCancel(within(t))
	go func() {
		defer cancel()
		_ = s.Wait(ctx, func(g *alipaytest.Gateway) bool { return g.ShipCalls(tradeNo) == 1 })
	}()
	if _, err := call(ctx, t, s, shipParams(tradeNo)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wait(t, s.Gateway, func(g *alipaytest.Gateway) bool { return g.Arrivals()[0].Gone })
	if trade, _ := s.Trade(tradeNo); !trade.ShippedAt.IsZero() {
		t.Errorf("shipped although nobody waited: %+v", trade)
	}
}

func TestBadFaultsAreRefused(t *testing.T) {
	t.Parallel()
	for _, f := range []alipaytest.Fault{
		{},
		{Kind: 99},
		{Kind: alipaytest.ErrorCode},
		{Kind: alipaytest.Hang, Service: "ships"},
		{Kind: alipaytest.Hang, Times: -2},
		{Kind: alipaytest.Hang, Chance: 1.5},
		{Kind: alipaytest.Hang, Delay: -time.Second},
		{Kind: alipaytest.ServerError, Code: "200"},
		{Kind: alipaytest.ServerError, Code: "x"},
	} {
		if f.Validate() == nil {
			t.Errorf("%+v passes", f)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Inject took a fault without a kind")
		}
	}()
	start(t).Inject(alipaytest.Fault{})
}
