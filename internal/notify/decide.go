package notify

import (
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// The decisions of this file are pure: what is known → what next. They do no I/O and read no clock.

// The stages of a trade, in the order in which it goes through them. It never goes back.
const (
	stageUnknown = iota // a status that says nothing about the way to a shipment, or is not known here
	stageUnpaid
	stagePaying
	stageWaits // to be shipped
	stageShipped
	stageConfirmed
	stageOver
)

// typeStatus is the notify_type of the notifications that tell of a trade's status.
const typeStatus = "trade_status_sync"

// stageOf tells how far a trade has come of which a notification tells that status. Notifications overtake each other,
// and one that was lost comes again hours later.
func stageOf(notifyType, tradeStatus string) int {
	if notifyType != typeStatus {
		return stageUnknown
	}
	switch tradeStatus {
	case "WAIT_BUYER_PAY":
		return stageUnpaid
	case "WAIT_SYS_CONFIRM_PAY":
		return stagePaying
	case "WAIT_SELLER_SEND_GOODS", "COD_WAIT_SELLER_SEND_GOODS":
		return stageWaits
	case "WAIT_BUYER_CONFIRM_GOODS", "COD_WAIT_BUYER_PAY":
		return stageShipped
	case "WAIT_SYS_PAY_SELLER", "COD_WAIT_SYS_PAY_SELLER":
		return stageConfirmed
	case "TRADE_FINISHED", "TRADE_CLOSED":
		return stageOver
	}
	return stageUnknown
}

// decide says what a notification that is not out of date does to the shipment as it is.
//
// It moves a shipment only where nothing has to be weighed: the trade is shipped, or over. That a trade is not paid
// yet, or is in a status that nobody knows, may be over in a moment; a preflight judges it, with evidence.
func decide(n ledger.Notice, row ledger.Row) ledger.Effect {
	shipped := n.Stage == stageShipped || n.Stage == stageConfirmed
	switch row.State {
	case shipment.Queued:
		return decideQueued(n, shipped, row.SentAttempts > 0)
	case shipment.Calling:
		if shipped {
			// A fact, whatever the call is answered; it keeps its slot and its record.
			return ledger.Effect{Move: shippedMove(n)}
		}
	case shipment.Dead, shipment.Closed:
		if shipped { // a second call is never right (U7), and a person may mark a dead letter as shipped
			return ledger.Effect{Found: ledger.FoundShipped}
		}
	case shipment.Shipped:
	}
	return ledger.Effect{}
}

func decideQueued(n ledger.Notice, shipped, called bool) ledger.Effect {
	switch {
	case shipped && called:
		return ledger.Effect{Move: shippedMove(n)}
	case shipped: // U7
		return ledger.Effect{Move: deadMove(n, shipment.ReasonAlreadyShipped, ledger.FoundShipped, "shipped by somebody else")}
	case n.Stage == stageOver: // U6
		return ledger.Effect{Move: deadMove(n, shipment.ReasonNotShippable, ledger.FoundNotShippable, "the trade is over")}
	case n.Stage == stageWaits:
		// Shipped all the same, since the parcel has left, and flagged.
		return ledger.Effect{Refund: n.RefundStatus != ""}
	}
	return ledger.Effect{}
}

func shippedMove(n ledger.Notice) ledger.Move {
	return ledger.Move{
		To: shipment.Shipped, TradeStatus: n.TradeStatus, RefundStatus: n.RefundStatus, Detail: "a notification says so: " + n.TradeStatus,
	}
}

func deadMove(n ledger.Notice, reason shipment.Reason, found ledger.Finding, why string) ledger.Move {
	return ledger.Move{
		To: shipment.Dead, Reason: reason, Found: found, TradeStatus: n.TradeStatus, RefundStatus: n.RefundStatus,
		Detail: "a notification says: " + why + ": " + n.TradeStatus,
	}
}
