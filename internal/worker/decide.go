package worker

import (
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// The decisions of this file are pure: what is known → what next. They do no I/O and read no clock.

// look is what to do with a shipment that has come off the belt.
type look int

const (
	lookDrop     look = iota // final, dead, or in somebody's hands: the task is a copy
	lookLater                // not due yet: back in line
	lookTakeOver             // its call was not finished before its fence
	lookGo                   // queued and due
)

// lookAt decides by the row and the ledger's time at which it was read (step 1).
func lookAt(r ledger.Row) look {
	switch r.State {
	case shipment.Queued:
		if r.NotBefore.After(r.ReadAt) {
			return lookLater
		}
		return lookGo
	case shipment.Calling:
		if r.FenceAt.After(r.ReadAt) {
			return lookDrop
		}
		return lookTakeOver
	case shipment.Shipped, shipment.Dead, shipment.Closed:
	}
	return lookDrop
}

// facts is what a decision may rest on besides the answer itself.
type facts struct {
	Row        ledger.Row
	BudgetOver bool          // the retry budget is used up
	Delay      time.Duration // the backoff, should it come to that
	// OthersPass: Alipay has refused this one for the account's sake before, and has answered for others since.
	OthersPass bool
}

// act is what to do after a query.
type act int

const (
	actBack act = iota // do the move: the query has settled it, or nothing is known and it goes back in line
	actCall            // go on to the ship call
)

// afterQuery decides by the answer to a preflight query (step 2). The move is for actBack.
func afterQuery(f facts, a alipay.Answer) (act, ledger.Move) {
	switch a.Outcome {
	case alipay.Succeeded:
		return afterStatus(f, a)
	case alipay.ShipmentFault:
		if a.Code == alipay.CodeTradeNotExist {
			return actBack, deadMove(shipment.ReasonTradeNotExist, a, "the trade does not exist at Alipay") // U3
		}
	case alipay.AccountFault:
		if a.Code != alipay.CodeMayNotUse {
			return actBack, refusedQuery(f, a)
		}
		if f.Row.Doubt {
			// Nothing is called a second time on a guess (U7).
			return actBack, deadMove(shipment.ReasonOutcomeUnknown, a, "in doubt, and the account may not query")
		}
		return actCall, ledger.Move{}
	case alipay.Unknown, alipay.Busy, alipay.OutOfStep, alipay.UnlistedCode:
	}
	return withoutAnswer(f, a)
}

// refusedQuery holds the account. When it is met again after a release while others pass, the shipment is what is
// wrong, and a person looks at it instead of at the account for ever.
func refusedQuery(f facts, a alipay.Answer) ledger.Move {
	switch {
	case !f.OthersPass:
		return ledger.Move{
			To: shipment.Queued, HoldAccount: true, Doubt: f.Row.Doubt, Code: a.Code, UnlistedCode: f.Row.UnlistedCode,
			Detail: "a query was refused for the account's sake",
		}
	case f.Row.Doubt:
		return deadMove(shipment.ReasonOutcomeUnknown, a, "in doubt, and its queries are refused for the account's sake again, while others pass")
	}
	return deadMove(shipment.ReasonAccountRefused, a, "a query was refused for the account's sake again, while others pass")
}

// afterStatus decides by a verified trade status.
func afterStatus(f facts, a alipay.Answer) (act, ledger.Move) {
	switch alipay.StateOf(a.TradeStatus) {
	case alipay.Shippable:
		switch {
		case f.Row.UnlistedCode != "":
			m := deadMove(shipment.ReasonUnknownCode, a, "Alipay's code is not known here, and the trade still waits to be shipped")
			m.Code = f.Row.UnlistedCode
			return actBack, m
		case f.Row.Failures > 0 && f.BudgetOver:
			m := deadMove(shipment.ReasonRetriesExhausted, a, "the trade still waits to be shipped")
			m.Code = f.Row.ErrorCode
			return actBack, m
		}
		return actCall, ledger.Move{RefundStatus: a.RefundStatus}
	case alipay.AlreadyShipped:
		if f.Row.SentAttempts > 0 {
			return actBack, ledger.Move{
				To: shipment.Shipped, TradeStatus: a.TradeStatus, RefundStatus: a.RefundStatus, Detail: "a query says so: " + a.TradeStatus,
			}
		}
		return actBack, deadMove(shipment.ReasonAlreadyShipped, a, "shipped by somebody else: "+a.TradeStatus) // U7
	case alipay.NotShippable:
		return actBack, deadMove(shipment.ReasonNotShippable, a, "the trade cannot be shipped: "+a.TradeStatus) // U5, U6
	case alipay.StateUnknown:
	}
	return withoutAnswer(f, a)
}

// withoutAnswer decides when a query told nothing: go on if nothing is in doubt, since Alipay's call
// is idempotent and its own refusal is the guard; otherwise wait, but not for ever.
func withoutAnswer(f facts, a alipay.Answer) (act, ledger.Move) {
	switch {
	case !f.Row.Doubt:
		return actCall, ledger.Move{}
	case f.BudgetOver:
		return actBack, deadMove(shipment.ReasonOutcomeUnknown, a, "no query was answered within the retry budget")
	}
	return actBack, ledger.Move{
		To: shipment.Queued, Doubt: true, Failed: true, Delay: f.Delay, Code: a.Code, UnlistedCode: f.Row.UnlistedCode,
		Detail: "in doubt, and the query was not answered",
	}
}

// afterShip decides by the answer to a ship call (step 7).
func afterShip(f facts, a alipay.Answer) ledger.Move {
	switch a.Outcome {
	case alipay.Succeeded:
		return ledger.Move{To: shipment.Shipped, TradeStatus: a.TradeStatus, Detail: "Alipay: T, " + a.TradeStatus}
	case alipay.Busy: // C2, U1
		return ledger.Move{
			To: shipment.Queued, Doubt: true, Failed: true, Delay: f.Delay, Code: a.Code, Detail: "Alipay: " + a.Code + ", again later",
		}
	case alipay.OutOfStep: // C1
		m := deadMove(shipment.ReasonTradeStatusNotAvailable, a, "Alipay: "+a.Code)
		m.Bar = true
		return m
	case alipay.ShipmentFault:
		reason := shipment.ReasonIllegalArgument
		if a.Code == alipay.CodeTradeNotExist {
			reason = shipment.ReasonTradeNotExist
		}
		return deadMove(reason, a, "Alipay: "+a.Code)
	case alipay.AccountFault: // A1
		if f.OthersPass {
			return deadMove(shipment.ReasonAccountRefused, a, "Alipay: "+a.Code+" again, while others pass")
		}
		return ledger.Move{
			To: shipment.Queued, HoldAccount: true, Code: a.Code, Detail: "a ship call was refused for the account's sake",
		}
	case alipay.UnlistedCode:
		return ledger.Move{
			To: shipment.Calling, Doubt: true, Code: a.Code, UnlistedCode: a.Code, Detail: "Alipay: " + a.Code + ", which is not known here",
		}
	case alipay.Unknown:
	}
	detail := "no answer that counts"
	if a.Err != nil {
		detail += ": " + a.Err.Error()
	}
	return ledger.Move{To: shipment.Calling, Doubt: true, Code: a.Code, Detail: detail}
}

// healthOf is what the answer to a ship call tells about Alipay's side. RETRY is a gateway's word that works and has
// much to do: it tells neither. A success whose signature does not verify was answered; whether it is true is another
// question. Where all of an account's are like that, nothing else would ever bring its full pace back.
func healthOf(a alipay.Answer) ledger.Health {
	switch a.Outcome {
	case alipay.Succeeded, alipay.OutOfStep, alipay.ShipmentFault, alipay.AccountFault:
		return ledger.HealthWell
	case alipay.Busy:
		if a.Code != alipay.CodeSystemError {
			return ledger.HealthUnsaid
		}
	case alipay.Unknown, alipay.UnlistedCode:
		if a.Unverified {
			return ledger.HealthWell
		}
	}
	return ledger.HealthTroubled
}

func deadMove(reason shipment.Reason, a alipay.Answer, detail string) ledger.Move {
	return ledger.Move{
		To: shipment.Dead, Reason: reason, Code: a.Code, TradeStatus: a.TradeStatus, RefundStatus: a.RefundStatus, Detail: detail,
		Found: findsOf(a).Found,
	}
}

// findsOf is what an answer tells about the trade, for people.
func findsOf(a alipay.Answer) ledger.Finds {
	f := ledger.Finds{TradeStatus: a.TradeStatus, RefundStatus: a.RefundStatus, Code: a.Code, Error: errorText(a.Err)}
	if a.Outcome == alipay.ShipmentFault && a.Code == alipay.CodeTradeNotExist { // not one whose signature is wrong
		f.Found = ledger.FoundNotExist
		return f
	}
	switch alipay.StateOf(a.TradeStatus) {
	case alipay.Shippable:
		f.Found = ledger.FoundWaiting
	case alipay.AlreadyShipped:
		f.Found = ledger.FoundShipped
	case alipay.NotShippable:
		f.Found = ledger.FoundNotShippable
	case alipay.StateUnknown:
	}
	return f
}

// freshFor is how long a preflight answer may be used.
func freshFor(interval time.Duration) time.Duration { return max(15*time.Second, interval*3/2) }

// queryEvery is the smallest distance between two queries of an account in one process.
func queryEvery(interval time.Duration) time.Duration { return min(time.Second, interval/2) }

// preflightTime is how long a preflight may take: until the slot opens, at most 10 s. What is in doubt
// gets all of it, since without an answer it goes back in line; and a slot that is open already is
// not thrown away for a query that takes a moment.
func preflightTime(untilOpen time.Duration, doubt bool) time.Duration {
	const most, least = 10 * time.Second, 3 * time.Second
	if doubt {
		return most
	}
	return min(most, max(least, untilOpen))
}

// connectLead is how long before the slot opens the connection is made: time for a handshake, and no
// longer idle than need be.
func connectLead(interval time.Duration) time.Duration { return min(2*time.Second, interval/4) }
