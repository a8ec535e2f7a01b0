package worker

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// A person reads the whole of a move later: the history's line, the code, the status that Alipay named.
func TestMovesAfterAQueryInFull(t *testing.T) {
	status := func(trade, refund string) alipay.Answer {
		return alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: trade, RefundStatus: refund}
	}
	refused := alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"}
	sent := ledger.Row{Doubt: true, SentAttempts: 1, Failures: 1, ErrorCode: "SYSTEM_ERROR"}
	with := func(change func(*facts)) facts {
		f := facts{Row: sent, Delay: time.Minute}
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		f    facts
		a    alipay.Answer
		want ledger.Move
	}{
		"no such trade": {
			facts{},
			alipay.Answer{Outcome: alipay.ShipmentFault, Code: "TRADE_NOT_EXIST"},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist, Code: "TRADE_NOT_EXIST", Detail: "the trade does not exist at Alipay"},
		},
		"may not query, in doubt": {
			facts{Row: sent},
			alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_PARTNER_EXTERFACE"},
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown, Code: "ILLEGAL_PARTNER_EXTERFACE",
				Detail: "in doubt, and the account may not query",
			},
		},
		"account refused, fresh": {
			facts{},
			refused,
			ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN", Detail: "a query was refused for the account's sake"},
		},
		"account refused, in doubt over an unlisted code": {
			with(func(f *facts) { f.Row.UnlistedCode = "ODD" }),
			refused,
			ledger.Move{
				To: shipment.Queued, HoldAccount: true, Doubt: true, Code: "ILLEGAL_SIGN", UnlistedCode: "ODD",
				Detail: "a query was refused for the account's sake",
			},
		},
		"account refused twice": {
			facts{Row: ledger.Row{Holds: 1}, OthersPass: true},
			refused,
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonAccountRefused, Code: "ILLEGAL_SIGN",
				Detail: "a query was refused for the account's sake again, while others pass",
			},
		},
		"account refused twice, in doubt": {
			with(func(f *facts) { f.Row.Holds, f.OthersPass = 1, true }),
			refused,
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown, Code: "ILLEGAL_SIGN",
				Detail: "in doubt, and its queries are refused for the account's sake again, while others pass",
			},
		},
		"waits after an unlisted code": {
			with(func(f *facts) { f.Row.UnlistedCode, f.BudgetOver = "ODD", true }),
			status("WAIT_SELLER_SEND_GOODS", "R"),
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonUnknownCode, Code: "ODD", TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "R",
				Detail: "Alipay's code is not known here, and the trade still waits to be shipped",
			},
		},
		"waits after the budget": {
			with(func(f *facts) { f.BudgetOver = true }),
			status("WAIT_SELLER_SEND_GOODS", "R"),
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonRetriesExhausted, Code: "SYSTEM_ERROR",
				TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "R", Detail: "the trade still waits to be shipped",
			},
		},
		"shipped by us": {
			facts{Row: sent},
			status("WAIT_BUYER_CONFIRM_GOODS", "R"),
			ledger.Move{
				To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS", RefundStatus: "R",
				Detail: "a query says so: WAIT_BUYER_CONFIRM_GOODS",
			},
		},
		"shipped by somebody else": {
			facts{},
			status("WAIT_BUYER_CONFIRM_GOODS", ""),
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonAlreadyShipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS",
				Detail: "shipped by somebody else: WAIT_BUYER_CONFIRM_GOODS",
			},
		},
		"closed": {
			facts{Row: sent},
			status("TRADE_CLOSED", "REFUND_SUCCESS"),
			ledger.Move{
				To: shipment.Dead, Reason: shipment.ReasonNotShippable, TradeStatus: "TRADE_CLOSED", RefundStatus: "REFUND_SUCCESS",
				Detail: "the trade cannot be shipped: TRADE_CLOSED",
			},
		},
		"no status, in doubt": {
			with(func(f *facts) { f.Row.UnlistedCode = "ODD" }),
			status("", ""),
			ledger.Move{
				To: shipment.Queued, Doubt: true, Failed: true, Delay: time.Minute, UnlistedCode: "ODD",
				Detail: "in doubt, and the query was not answered",
			},
		},
		"in doubt after the budget": {
			with(func(f *facts) { f.BudgetOver = true }),
			alipay.Answer{Err: errors.New("timeout")},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown, Detail: "no query was answered within the retry budget"},
		},
	} {
		next, got := afterQuery(c.f, c.a)
		got.Found = "" // TestFindsOf has them
		if next != actBack || got != c.want {
			t.Errorf("%s: act %v\n got %+v\nwant %+v", name, next, got, c.want)
		}
	}
}

// A budget is used up by failures; one that is over by the clock alone does not keep a first call from being made.
func TestABudgetIsNotOverBeforeTheFirstFailure(t *testing.T) {
	waits := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_SELLER_SEND_GOODS", RefundStatus: "R"}
	for failures, want := range map[int64]act{0: actCall, 1: actBack, 2: actBack} {
		if got, move := afterQuery(facts{Row: ledger.Row{Failures: failures}, BudgetOver: true}, waits); got != want {
			t.Errorf("%d failures: act %v, %+v", failures, got, move)
		}
	}
	if got, move := afterQuery(facts{}, waits); got != actCall || move != (ledger.Move{RefundStatus: "R"}) {
		t.Errorf("act %v, %+v: a call needs nothing but what the buyer asked for", got, move)
	}
}

// The states that a query may name, for a shipment of which nothing has been sent and for one with a call on record.
func TestEveryTradeStatusFreshAndSent(t *testing.T) {
	for name, want := range map[string][2]shipment.State{
		"WAIT_BUYER_PAY":             {shipment.Dead, shipment.Dead},
		"WAIT_SELLER_SEND_GOODS":     {"", ""},
		"COD_WAIT_SELLER_SEND_GOODS": {"", ""},
		"WAIT_BUYER_CONFIRM_GOODS":   {shipment.Dead, shipment.Shipped},
		"TRADE_FINISHED":             {shipment.Dead, shipment.Dead},
		"TRADE_CLOSED":               {shipment.Dead, shipment.Dead},
		"TRADE_SUCCESS":              {shipment.Dead, shipment.Dead},
		"COD_WAIT_BUYER_PAY":         {shipment.Dead, shipment.Shipped},
		"WAIT_SYS_PAY_SELLER":        {shipment.Dead, shipment.Shipped},
		"COD_WAIT_SYS_PAY_SELLER":    {shipment.Dead, shipment.Shipped},
		"SOMETHING_NEW":              {shipment.Dead, shipment.Dead}, // a person looks at it as it came
		"":                           {"", shipment.Queued},
	} {
		for sent, to := range want {
			f := facts{Row: ledger.Row{SentAttempts: int64(sent), Doubt: sent > 0}}
			next, move := afterQuery(f, alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: name})
			if move.To != to || (next == actCall) != (to == "") {
				t.Errorf("%q with %d calls sent: act %v, %+v, want %q", name, sent, next, move, to)
			}
		}
	}
}

func TestHistoryOfAShipCallSaysWhatAlipaySaid(t *testing.T) {
	for want, a := range map[string]alipay.Answer{
		"Alipay: T, WAIT_BUYER_CONFIRM_GOODS":            {Outcome: alipay.Succeeded, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"},
		"Alipay: RETRY, again later":                     {Outcome: alipay.Busy, Code: "RETRY"},
		"Alipay: TRADE_STATUS_NOT_AVAILD":                {Outcome: alipay.OutOfStep, Code: "TRADE_STATUS_NOT_AVAILD"},
		"Alipay: TRADE_NOT_EXIST":                        {Outcome: alipay.ShipmentFault, Code: "TRADE_NOT_EXIST"},
		"a ship call was refused for the account's sake": {Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"},
		"Alipay: NEW, which is not known here":           {Outcome: alipay.UnlistedCode, Code: "NEW"},
		"no answer that counts":                          {},
		"no answer that counts: reset":                   {Err: errors.New("reset")},
	} {
		if got := afterShip(facts{}, a).Detail; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	again := facts{Row: ledger.Row{Holds: 1}, OthersPass: true}
	if got := afterShip(again, alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"}).Detail; got != "Alipay: ILLEGAL_SIGN again, while others pass" {
		t.Errorf("%q", got)
	}
}

func TestTimesAreBounded(t *testing.T) {
	for _, c := range []struct{ interval, fresh, query, connect time.Duration }{
		{10 * time.Second, 15 * time.Second, time.Second, 2 * time.Second},
		{12 * time.Second, 18 * time.Second, time.Second, 2 * time.Second}, // a slot and a half
		{8 * time.Second, 15 * time.Second, time.Second, 2 * time.Second},
		{4 * time.Second, 15 * time.Second, time.Second, time.Second},
		{2 * time.Second, 15 * time.Second, time.Second, 500 * time.Millisecond},
		{200 * time.Millisecond, 15 * time.Second, 100 * time.Millisecond, 50 * time.Millisecond},
	} {
		if got := freshFor(c.interval); got != c.fresh {
			t.Errorf("freshFor(%v) = %v, want %v", c.interval, got, c.fresh)
		}
		if got := queryEvery(c.interval); got != c.query {
			t.Errorf("queryEvery(%v) = %v, want %v", c.interval, got, c.query)
		}
		if got := connectLead(c.interval); got != c.connect {
			t.Errorf("connectLead(%v) = %v, want %v", c.interval, got, c.connect)
		}
	}
}
