package notify

import (
	"strings"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Each status of a notification, by what it may mean for a shipment.
var statuses = map[string][]string{
	"early":   {"WAIT_BUYER_PAY", "WAIT_SYS_CONFIRM_PAY"},
	"waits":   {"WAIT_SELLER_SEND_GOODS", "COD_WAIT_SELLER_SEND_GOODS"},
	"shipped": {"WAIT_BUYER_CONFIRM_GOODS", "COD_WAIT_BUYER_PAY", "WAIT_SYS_PAY_SELLER", "COD_WAIT_SYS_PAY_SELLER"},
	"over":    {"TRADE_FINISHED", "TRADE_CLOSED"},
	"unknown": {"TRADE_SUCCESS", "TRADE_PENDING", "TRADE_REFUSE", "TRADE_CANCEL", "BUYER_PRE_AUTH", "NEW_ONE", "trade_closed", ""},
}

// Every state with every status: what happens is in the table, and nothing else happens.
func TestDecide(t *testing.T) {
	type verdict struct {
		to     shipment.State
		reason shipment.Reason
		found  ledger.Finding // of the dead letter that it becomes, or is
		refund bool
	}
	rows := map[string]ledger.Row{
		"queued":         {State: shipment.Queued},
		"queued, called": {State: shipment.Queued, SentAttempts: 1, Doubt: true},
		"calling":        {State: shipment.Calling, SentAttempts: 1},
		"shipped":        {State: shipment.Shipped, SentAttempts: 1},
		"dead":           {State: shipment.Dead, Reason: shipment.ReasonOutcomeUnknown, SentAttempts: 1},
		"dead, uncalled": {State: shipment.Dead, Reason: shipment.ReasonTradeNotExist},
		"closed":         {State: shipment.Closed},
	}
	shippedByOthers := verdict{shipment.Dead, shipment.ReasonAlreadyShipped, ledger.FoundShipped, false}
	over := verdict{shipment.Dead, shipment.ReasonNotShippable, ledger.FoundNotShippable, false}
	shipped, refund, found := verdict{to: shipment.Shipped}, verdict{refund: true}, verdict{found: ledger.FoundShipped}
	want := map[string]verdict{ // what is not here: recorded only
		"queued/waits": refund, "queued, called/waits": refund,
		"queued/shipped": shippedByOthers, "queued, called/shipped": shipped,
		"queued/over": over, "queued, called/over": over,
		"calling/shipped": shipped,
		"dead/shipped":    found, "dead, uncalled/shipped": found, "closed/shipped": found,
	}
	for state, row := range rows {
		for kind, all := range statuses {
			for _, status := range all {
				w := want[state+"/"+kind]
				for _, refunded := range []string{"", "WAIT_SELLER_AGREE"} {
					n := ledger.Notice{Type: typeStatus, TradeStatus: status, RefundStatus: refunded, Stage: stageOf(typeStatus, status)}
					e := decide(n, row)
					wantRefund := w.refund && refunded != ""
					if e.Refund != wantRefund || e.Move.To != w.to || e.Move.Reason != w.reason {
						t.Errorf("%s, %s %s: %+v", state, status, refunded, e)
					}
					if w.to == "" && (e.Found != w.found || e.Move != ledger.Move{}) {
						t.Errorf("%s, %s: %+v", state, status, e)
					}
					if m := e.Move; w.to != "" && (m.Found != w.found || m.TradeStatus != status || m.RefundStatus != refunded ||
						!strings.Contains(m.Detail, status) || m.Bar || m.Doubt || m.HoldAccount || m.Code != "" || e.Found != "") {
						t.Errorf("%s, %s: %+v", state, status, e)
					}
					if w.to != "" && !row.State.CanBecome(w.to) {
						t.Errorf("%s cannot become %s", row.State, w.to)
					}
				}
			}
		}
	}
}

// The order in which a trade goes through its statuses; the judgement of internal/alipay is the same.
func TestStages(t *testing.T) {
	last := stageUnknown
	for _, group := range [][]string{
		statuses["unknown"],
		{"WAIT_BUYER_PAY"},
		{"WAIT_SYS_CONFIRM_PAY"},
		statuses["waits"],
		{"WAIT_BUYER_CONFIRM_GOODS", "COD_WAIT_BUYER_PAY"},
		{"WAIT_SYS_PAY_SELLER", "COD_WAIT_SYS_PAY_SELLER"},
		statuses["over"],
	} {
		for _, status := range group {
			if stage := stageOf(typeStatus, status); stage != last {
				t.Errorf("%s: stage %d, not %d", status, stage, last)
			}
			if stageOf("batch_refund_notify", status) != stageUnknown {
				t.Errorf("%s of another kind of notification", status)
			}
			stage, state := stageOf(typeStatus, status), alipay.StateOf(status)
			if (state == alipay.AlreadyShipped) != (stage == stageShipped || stage == stageConfirmed) || (state == alipay.Shippable) != (stage == stageWaits) {
				t.Errorf("%s: %v at stage %d", status, state, stage)
			}
		}
		last++
	}
}
