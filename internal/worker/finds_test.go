package worker

import (
	"errors"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
)

func TestFindsOf(t *testing.T) {
	silence := errors.New("timeout")
	for name, c := range map[string]struct {
		answer alipay.Answer
		want   ledger.Finds
	}{
		"nothing": {alipay.Answer{}, ledger.Finds{}},
		"waits": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "WAIT_SELLER_AGREE"},
			ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "WAIT_SELLER_AGREE"},
		},
		"waits, cash on delivery": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "COD_WAIT_SELLER_SEND_GOODS"},
			ledger.Finds{Found: ledger.FoundWaiting, TradeStatus: "COD_WAIT_SELLER_SEND_GOODS"},
		},
		"shipped": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"},
			ledger.Finds{Found: ledger.FoundShipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"},
		},
		"shipped, cash on delivery": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "COD_WAIT_BUYER_PAY"},
			ledger.Finds{Found: ledger.FoundShipped, TradeStatus: "COD_WAIT_BUYER_PAY"},
		},
		"closed": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "TRADE_CLOSED"},
			ledger.Finds{Found: ledger.FoundNotShippable, TradeStatus: "TRADE_CLOSED"},
		},
		"a status that nobody knows": {
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "BRAND_NEW"},
			ledger.Finds{Found: ledger.FoundNotShippable, TradeStatus: "BRAND_NEW"},
		},
		"no such trade": {
			alipay.Answer{Outcome: alipay.ShipmentFault, Code: alipay.CodeTradeNotExist},
			ledger.Finds{Found: ledger.FoundNotExist, Code: alipay.CodeTradeNotExist},
		},
		"no such trade, with a wrong signature": {
			alipay.Answer{Code: alipay.CodeTradeNotExist, Err: silence},
			ledger.Finds{Code: alipay.CodeTradeNotExist, Error: "timeout"},
		},
		"may not query": {
			alipay.Answer{Outcome: alipay.AccountFault, Code: alipay.CodeMayNotUse},
			ledger.Finds{Code: alipay.CodeMayNotUse},
		},
		"busy":    {alipay.Answer{Outcome: alipay.Busy, Code: "SYSTEM_ERROR"}, ledger.Finds{Code: "SYSTEM_ERROR"}},
		"silence": {alipay.Answer{Err: silence}, ledger.Finds{Error: "timeout"}},
	} {
		if got := findsOf(c.answer); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
