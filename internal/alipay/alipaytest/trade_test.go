package alipaytest_test

import (
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
)

func TestShippingMovesTheTrade(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]struct {
		status string
		code   string
	}{
		"WAIT_SELLER_SEND_GOODS":     {status: "WAIT_BUYER_CONFIRM_GOODS"},
		"COD_WAIT_SELLER_SEND_GOODS": {status: "COD_WAIT_BUYER_PAY"},
		"TRADE_CLOSED":               {status: "TRADE_CLOSED", code: "TRADE_STATUS_NOT_AVAILD"},
		"TRADE_FINISHED":             {status: "TRADE_FINISHED", code: "TRADE_STATUS_NOT_AVAILD"},
		"WAIT_BUYER_PAY":             {status: "WAIT_BUYER_PAY", code: "TRADE_STATUS_NOT_AVAILD"},
		"TRADE_SUCCESS":              {status: "TRADE_SUCCESS", code: "TRADE_STATUS_NOT_AVAILD"}, // U5
	} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.PutTrade(alipaytest.Trade{Partner: partner, No: tradeNo, Status: from, RefundStatus: "WAIT_SELLER_AGREE"})
			before := query(t, s, tradeNo)
			if before.Outcome != alipay.Succeeded || !before.Verified || before.TradeStatus != from || before.RefundStatus != "WAIT_SELLER_AGREE" {
				t.Errorf("query before: %+v", before)
			}
			got := ship(t, s, tradeNo)
			if got.Code != want.code || (want.code == "" && (got.Outcome != alipay.Succeeded || !got.Verified)) {
				t.Errorf("ship: %+v", got)
			}
			if after := query(t, s, tradeNo); after.TradeStatus != want.status {
				t.Errorf("query after: %+v", after)
			}
			if trade, _ := s.Trade(tradeNo); trade.Status != want.status || (want.code == "" && trade.InvoiceNo != "SF1") {
				t.Errorf("trade: %+v", trade)
			}
			if len(s.Breaches()) > 0 {
				t.Errorf("breaches of a good client: %v", s.Breaches())
			}
		})
	}
}

func TestUnknownTrades(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *alipaytest.Options) { o.AutoTrades = false })
	if a := ship(t, s, tradeNo); a.Code != alipay.CodeTradeNotExist {
		t.Errorf("ship: %+v", a)
	}
	if a := query(t, s, tradeNo); a.Code != alipay.CodeTradeNotExist {
		t.Errorf("query: %+v", a)
	}
	// Another partner's trade does not exist for this one (U4).
	s.PutTrade(alipaytest.Trade{Partner: "2088000000000002", No: tradeNo})
	if a := ship(t, s, tradeNo); a.Code != alipay.CodeTradeNotExist {
		t.Errorf("ship another's: %+v", a)
	}
	if len(s.Breaches()) > 0 {
		t.Errorf("no law was broken: %v", s.Breaches())
	}
}

func TestQueryByOutTradeNo(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.PutTrade(alipaytest.Trade{Partner: partner, No: tradeNo, OutTradeNo: "订单-7"})
	c := credentials()
	params := queryParams("")
	params["out_trade_no"] = "订单-7"
	r, err := send(within(t), s.URL(), sign(t, c, params))
	if err != nil {
		t.Fatal(err)
	}
	if a := alipay.ParseQueryAnswer(&c, tradeNo, r.status, r.contentType, r.body); a.Outcome != alipay.Succeeded || !a.Verified {
		t.Errorf("%+v", a)
	}
}

func TestRefusedAccounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetAccountRefusal(partner, "ILLEGAL_USER")
	if a := ship(t, s, tradeNo); a.Code != "ILLEGAL_USER" || a.Outcome != alipay.AccountFault {
		t.Errorf("refused: %+v", a)
	}
	if a := query(t, s, tradeNo); a.Code != "ILLEGAL_USER" {
		t.Errorf("refused: %+v", a)
	}
	s.SetAccountRefusal(partner, "")
	if a := ship(t, s, tradeNo); a.Outcome != alipay.Succeeded {
		t.Errorf("lifted: %+v", a)
	}
	s = start(t, func(o *alipaytest.Options) { o.Accounts[0].NoQuery, o.Accounts[0].NoShip = true, true })
	if a := query(t, s, tradeNo); a.Code != alipay.CodeMayNotUse {
		t.Errorf("may not query: %+v", a)
	}
	if a := ship(t, s, tradeNo); a.Code != alipay.CodeMayNotUse {
		t.Errorf("may not ship: %+v", a)
	}
}
