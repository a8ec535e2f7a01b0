package worker

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestLookAt(t *testing.T) {
	now := time.Unix(1000, 0)
	before, after := now.Add(-time.Second), now.Add(time.Second)
	for name, c := range map[string]struct {
		row  ledger.Row
		want look
	}{
		"queued":                {ledger.Row{State: shipment.Queued}, lookGo},
		"queued, due":           {ledger.Row{State: shipment.Queued, NotBefore: now}, lookGo},
		"queued, not due":       {ledger.Row{State: shipment.Queued, NotBefore: after}, lookLater},
		"calling, fence ahead":  {ledger.Row{State: shipment.Calling, FenceAt: after}, lookDrop},
		"calling, fence passed": {ledger.Row{State: shipment.Calling, FenceAt: before}, lookTakeOver},
		"calling, at the fence": {ledger.Row{State: shipment.Calling, FenceAt: now}, lookTakeOver},
		"shipped":               {ledger.Row{State: shipment.Shipped}, lookDrop},
		"dead":                  {ledger.Row{State: shipment.Dead}, lookDrop},
		"closed":                {ledger.Row{State: shipment.Closed}, lookDrop},
		"no state at all":       {ledger.Row{}, lookDrop},
	} {
		c.row.ReadAt = now
		if got := lookAt(c.row); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// The rows of the table "a query says" in the protocol, with and without a ship call of ours on record.
func TestAfterQuery(t *testing.T) {
	waits := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_SELLER_SEND_GOODS"}
	refund := waits
	refund.RefundStatus = "WAIT_SELLER_AGREE"
	cod := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "COD_WAIT_SELLER_SEND_GOODS"}
	sent := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}
	finished := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "TRADE_FINISHED"}
	instant := alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "TRADE_SUCCESS"}
	none := alipay.Answer{Outcome: alipay.Succeeded}
	missing := alipay.Answer{Outcome: alipay.ShipmentFault, Code: "TRADE_NOT_EXIST"}
	argument := alipay.Answer{Outcome: alipay.ShipmentFault, Code: "ILLEGAL_ARGUMENT"}
	account := alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"}
	mayNot := alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_PARTNER_EXTERFACE"}
	silence := alipay.Answer{Err: errors.New("timeout")}
	busy := alipay.Answer{Outcome: alipay.Busy, Code: "SYSTEM_ERROR"}
	unlisted := alipay.Answer{Outcome: alipay.UnlistedCode, Code: "NEW"}

	fresh := facts{Row: ledger.Row{}, Delay: time.Minute}
	doubt := facts{Row: ledger.Row{Doubt: true, SentAttempts: 1, Failures: 1}, Delay: time.Minute}
	over := doubt
	over.BudgetOver = true
	heldOnce := facts{Row: ledger.Row{Holds: 1}, OthersPass: true}
	heldInDoubt := doubt
	heldInDoubt.Row.Holds, heldInDoubt.OthersPass = 1, true
	odd := doubt
	odd.Row.UnlistedCode = "STRANGE"

	for name, c := range map[string]struct {
		f      facts
		a      alipay.Answer
		act    act
		to     shipment.State
		reason shipment.Reason
		code   string
	}{
		"waits, fresh":             {fresh, waits, actCall, "", "", ""},
		"cod waits, fresh":         {fresh, cod, actCall, "", "", ""},
		"refund asked, fresh":      {fresh, refund, actCall, "", "", ""},
		"waits, in doubt":          {doubt, waits, actCall, "", "", ""},
		"waits, budget over":       {over, waits, actBack, shipment.Dead, shipment.ReasonRetriesExhausted, ""},
		"waits, unlisted code":     {odd, waits, actBack, shipment.Dead, shipment.ReasonUnknownCode, "STRANGE"},
		"shipped, fresh":           {fresh, sent, actBack, shipment.Dead, shipment.ReasonAlreadyShipped, ""},
		"shipped, in doubt":        {doubt, sent, actBack, shipment.Shipped, "", ""},
		"shipped, budget over":     {over, sent, actBack, shipment.Shipped, "", ""},
		"shipped, unlisted code":   {odd, sent, actBack, shipment.Shipped, "", ""},
		"finished, fresh":          {fresh, finished, actBack, shipment.Dead, shipment.ReasonNotShippable, ""},
		"finished, in doubt":       {doubt, finished, actBack, shipment.Dead, shipment.ReasonNotShippable, ""},
		"instant transfer":         {fresh, instant, actBack, shipment.Dead, shipment.ReasonNotShippable, ""},
		"no status, fresh":         {fresh, none, actCall, "", "", ""},
		"no status, in doubt":      {doubt, none, actBack, shipment.Queued, "", ""},
		"no such trade, fresh":     {fresh, missing, actBack, shipment.Dead, shipment.ReasonTradeNotExist, "TRADE_NOT_EXIST"},
		"no such trade, in doubt":  {doubt, missing, actBack, shipment.Dead, shipment.ReasonTradeNotExist, "TRADE_NOT_EXIST"},
		"argument, fresh":          {fresh, argument, actCall, "", "", ""},
		"argument, in doubt":       {doubt, argument, actBack, shipment.Queued, "", "ILLEGAL_ARGUMENT"},
		"account, fresh":           {fresh, account, actBack, shipment.Queued, "", "ILLEGAL_SIGN"},
		"account, in doubt":        {doubt, account, actBack, shipment.Queued, "", "ILLEGAL_SIGN"},
		"account again":            {heldOnce, account, actBack, shipment.Dead, shipment.ReasonAccountRefused, "ILLEGAL_SIGN"},
		"account again, in doubt":  {heldInDoubt, account, actBack, shipment.Dead, shipment.ReasonOutcomeUnknown, "ILLEGAL_SIGN"},
		"may not query, fresh":     {fresh, mayNot, actCall, "", "", ""},
		"may not query, in doubt":  {doubt, mayNot, actBack, shipment.Dead, shipment.ReasonOutcomeUnknown, "ILLEGAL_PARTNER_EXTERFACE"},
		"silence, fresh":           {fresh, silence, actCall, "", "", ""},
		"silence, in doubt":        {doubt, silence, actBack, shipment.Queued, "", ""},
		"silence, budget over":     {over, silence, actBack, shipment.Dead, shipment.ReasonOutcomeUnknown, ""},
		"busy, fresh":              {fresh, busy, actCall, "", "", ""},
		"busy, in doubt":           {doubt, busy, actBack, shipment.Queued, "", "SYSTEM_ERROR"},
		"unlisted query, fresh":    {fresh, unlisted, actCall, "", "", ""},
		"unlisted query, in doubt": {doubt, unlisted, actBack, shipment.Queued, "", "NEW"},
	} {
		got, move := afterQuery(c.f, c.a)
		if got != c.act || move.To != c.to || move.Reason != c.reason || move.Code != c.code {
			t.Errorf("%s: %v %+v", name, got, move)
		}
		if move.HoldAccount && (move.Doubt != c.f.Row.Doubt || move.Failed || move.Delay != 0 || move.UnlistedCode != c.f.Row.UnlistedCode) {
			t.Errorf("%s: a hold costs the shipment something: %+v", name, move)
		}
		if move.To == shipment.Queued && !move.HoldAccount && (!move.Doubt || !move.Failed || move.Delay != time.Minute || move.UnlistedCode != c.f.Row.UnlistedCode) {
			t.Errorf("%s: back in line without doubt, count or delay: %+v", name, move)
		}
	}
	if _, move := afterQuery(fresh, refund); move.RefundStatus != "WAIT_SELLER_AGREE" {
		t.Error("the buyer's request for the money is not kept")
	}
}

func TestAfterShip(t *testing.T) {
	first := facts{Row: ledger.Row{Attempt: 1, SentAttempts: 1}, Delay: time.Minute}
	held := first
	held.Row.Holds, held.OthersPass = 1, true
	for name, c := range map[string]struct {
		f    facts
		a    alipay.Answer
		want ledger.Move
	}{
		"shipped": {
			first,
			alipay.Answer{Outcome: alipay.Succeeded, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"},
			ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"},
		},
		"busy": {
			first,
			alipay.Answer{Outcome: alipay.Busy, Code: "RETRY"},
			ledger.Move{To: shipment.Queued, Doubt: true, Failed: true, Delay: time.Minute, Code: "RETRY"},
		},
		"out of step": {
			first,
			alipay.Answer{Outcome: alipay.OutOfStep, Code: "TRADE_STATUS_NOT_AVAILD"},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Bar: true, Code: "TRADE_STATUS_NOT_AVAILD"},
		},
		"argument": {
			first,
			alipay.Answer{Outcome: alipay.ShipmentFault, Code: "ILLEGAL_ARGUMENT"},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonIllegalArgument, Code: "ILLEGAL_ARGUMENT"},
		},
		"no such trade": {
			first,
			alipay.Answer{Outcome: alipay.ShipmentFault, Code: "TRADE_NOT_EXIST"},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist, Code: "TRADE_NOT_EXIST"},
		},
		"account": {
			first,
			alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"},
			ledger.Move{To: shipment.Queued, HoldAccount: true, Code: "ILLEGAL_SIGN"},
		},
		"account again": {
			held,
			alipay.Answer{Outcome: alipay.AccountFault, Code: "ILLEGAL_SIGN"},
			ledger.Move{To: shipment.Dead, Reason: shipment.ReasonAccountRefused, Code: "ILLEGAL_SIGN"},
		},
		"unlisted": {
			first,
			alipay.Answer{Outcome: alipay.UnlistedCode, Code: "NEW"},
			ledger.Move{To: shipment.Calling, Doubt: true, Code: "NEW", UnlistedCode: "NEW"},
		},
		"nothing": {first, alipay.Answer{Err: errors.New("reset")}, ledger.Move{To: shipment.Calling, Doubt: true}},
	} {
		got := afterShip(c.f, c.a)
		if got.Detail == "" {
			t.Errorf("%s: nothing for the history", name)
		}
		got.Detail, got.Found = "", ""
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

func TestTimesOfAPreflight(t *testing.T) {
	for _, c := range []struct {
		until time.Duration
		doubt bool
		want  time.Duration
	}{
		{0, false, 3 * time.Second},
		{5 * time.Second, false, 5 * time.Second},
		{time.Minute, false, 10 * time.Second},
		{-time.Second, false, 3 * time.Second},
		{0, true, 10 * time.Second},
	} {
		if got := preflightTime(c.until, c.doubt); got != c.want {
			t.Errorf("preflightTime(%v, %v) = %v, want %v", c.until, c.doubt, got, c.want)
		}
	}
}

func TestErrorsForAsynqAreShortAndWhole(t *testing.T) {
	if clean(nil) != nil {
		t.Error("an error out of nothing")
	}
	if text := clean(errors.New("x" + strings.Repeat("发", 200))).Error(); len(text) > 203 || !utf8.ValidString(text) {
		t.Errorf("%d bytes, valid %v", len(text), utf8.ValidString(text))
	}
}
