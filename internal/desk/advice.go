package desk

import (
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// advice is what a case is and what is usually to be done, as keys of sentences, and the act that this comes to.
type advice struct {
	What, Todo string
	Act        string // the name of an act of caseActs; empty: none stands out
}

// advise decides by the shipment alone. Every sentence for every reason and finding stands in lang/*/case.yaml.
func advise(r ledger.Row, mayQuery bool) advice {
	switch r.State {
	case shipment.Dead:
		todo, act := todo(r, mayQuery)
		return advice{What: "what." + string(r.Reason), Todo: "todo." + todo, Act: act}
	case shipment.Queued:
		switch {
		case r.Doubt && r.Resent > 0:
			return advice{What: "what.queued_again", Todo: "todo.wait"}
		case r.Doubt:
			return advice{What: "what.queued_doubt", Todo: "todo.wait"}
		}
		return advice{What: "what.queued", Todo: "todo.wait"}
	case shipment.Closed:
		if r.Reason == "" {
			return advice{What: "what.cancelled", Todo: "todo.reopen"}
		}
		return advice{What: "what.closed", Todo: "todo.reopen"}
	case shipment.Calling:
		return advice{What: "what.calling", Todo: "todo.wait"}
	case shipment.Shipped:
		return advice{What: "what.shipped", Todo: "todo.nothing"}
	}
	return advice{What: "what.state", Todo: "todo.nothing"}
}

// todo is what is usually to be done about a dead letter. What the last query found counts for more than why it
// died, but a fault of the details or of the account is mended first (C1, U7).
func todo(r ledger.Row, mayQuery bool) (todo, act string) {
	if r.Reason == shipment.ReasonBadPayload {
		return "bad_payload", "close"
	}
	switch r.Found {
	case ledger.FoundShipped:
		return "shipped", "mark"
	case ledger.FoundNotExist:
		return "not_exist", "close"
	case ledger.FoundNotShippable:
		return notShippable(r)
	case ledger.FoundWaiting:
		if r.Reason == shipment.ReasonTradeStatusNotAvailable {
			if r.Resent > 0 {
				return "refused_again", ""
			}
			return "waiting", "send"
		}
	}
	switch r.Reason {
	case shipment.ReasonIllegalArgument, shipment.ReasonRetriesExhausted, shipment.ReasonAccountRefused, shipment.ReasonUnknownCode:
		if r.CanSendAgain(mayQuery) == "" {
			return string(r.Reason), "send"
		}
	case shipment.ReasonTradeStatusNotAvailable, shipment.ReasonTradeNotExist, shipment.ReasonNotShippable, shipment.ReasonAlreadyShipped,
		shipment.ReasonOutcomeUnknown, shipment.ReasonBadPayload:
	}
	switch {
	case r.Found == ledger.FoundWaiting:
		return "waiting", "send"
	case !mayQuery:
		return "look", ""
	}
	return "ask", "ask"
}

// notShippable tells what can still be paid from what is over.
func notShippable(r ledger.Row) (todo, act string) {
	switch {
	case r.TradeStatus == "WAIT_BUYER_PAY" || r.TradeStatus == "WAIT_SYS_CONFIRM_PAY":
		return "not_paid", "ask"
	case r.Reason == shipment.ReasonTradeStatusNotAvailable:
		return "support", "" // C1: a person sorts it out with Alipay
	}
	return "not_shippable", "close"
}

// offer is whether an act is offered, and if not, why.
type offer struct {
	Show bool // worth a word at all
	Why  ledger.Obstacle
}

// Open tells that the act can be done.
func (o offer) Open() bool { return o.Show && o.Why == "" }

// offers are the acts on a case.
type offers struct {
	Ask, Send, Mark, Close, Assign, Cancel offer
	Looked                                 bool // sending again takes a look at Alipay's page by a person first
}

// offered is what can be done with a shipment as it is.
func offered(r ledger.Row, mayQuery bool) offers {
	dead, closed := r.State == shipment.Dead, r.State == shipment.Closed
	o := offers{
		Ask:    offer{Show: r.State != shipment.Calling},
		Send:   offer{Show: dead || closed, Why: r.CanSendAgain(mayQuery)},
		Mark:   offer{Show: dead, Why: r.CanMarkShipped()},
		Close:  offer{Show: dead, Why: r.CanClose()},
		Assign: offer{Show: dead},
		Cancel: offer{Show: r.State == shipment.Queued},
	}
	if r.Reason == shipment.ReasonBadPayload {
		o.Ask.Why = ledger.ObstaclePayload
	}
	if r.State == shipment.Queued && r.SentAttempts > 0 {
		o.Cancel.Why = ledger.ObstacleState
	}
	if o.Send.Why == ledger.ObstacleLookFirst {
		o.Send.Why, o.Looked = "", true
	}
	return o
}
