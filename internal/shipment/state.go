package shipment

// State is where a shipment stands.
type State string

// The states. Only Shipped is final: a person may move Dead and Closed.
const (
	Queued  State = "queued"  // accepted, or to be called again; Doubt tells whether a call may have shipped it
	Calling State = "calling" // a call was begun and its answer is not recorded
	Shipped State = "shipped" // Alipay says so
	Dead    State = "dead"    // a person has to look; Reason says why
	Closed  State = "closed"  // a person settled or cancelled it
)

// States lists every state, in the order people read them.
func States() []State { return []State{Queued, Calling, Shipped, Dead, Closed} }

// arrows are the allowed changes of state. A change that is not listed is a programming error; the
// ledger refuses it.
var arrows = map[State][]State{
	Queued:  {Calling, Shipped, Dead, Closed},
	Calling: {Queued, Shipped, Dead},
	Dead:    {Queued, Closed, Shipped},
	Closed:  {Queued, Dead}, // Dead: the closing of many is taken back, as if nothing had been done
	Shipped: {},
}

// CanBecome tells whether a shipment in state s may move to next. Staying in Queued is allowed: a
// shipment goes back in line without having been called.
func (s State) CanBecome(next State) bool {
	if s == Queued && next == Queued {
		return true
	}
	for _, allowed := range arrows[s] {
		if allowed == next {
			return true
		}
	}
	return false
}

// Reason says why a shipment died. The values are part of the contract with users.
type Reason string

// The reasons of death.
const (
	ReasonTradeStatusNotAvailable Reason = "trade_status_not_available" // TRADE_STATUS_NOT_AVAILD (C1)
	ReasonTradeNotExist           Reason = "trade_not_exist"            // U3
	ReasonNotShippable            Reason = "not_shippable"              // the query's status says so (U5, U6)
	ReasonAlreadyShipped          Reason = "already_shipped"            // shipped, and never called by us (U7)
	ReasonIllegalArgument         Reason = "illegal_argument"           // Alipay refuses the parameters
	ReasonRetriesExhausted        Reason = "retries_exhausted"          // the retry budget is used up, nothing in doubt
	ReasonOutcomeUnknown          Reason = "outcome_unknown"            // it may have been shipped; nobody could say
	ReasonAccountRefused          Reason = "account_refused"            // refused twice for the account's sake
	ReasonUnknownCode             Reason = "unknown_code"               // a code nobody knows, and the trade still waits
	ReasonBadPayload              Reason = "bad_payload"                // a task in the queue that is no shipment
)

// Reasons lists every reason of death.
func Reasons() []Reason {
	return []Reason{
		ReasonTradeStatusNotAvailable, ReasonTradeNotExist, ReasonNotShippable, ReasonAlreadyShipped,
		ReasonIllegalArgument, ReasonRetriesExhausted, ReasonOutcomeUnknown, ReasonAccountRefused,
		ReasonUnknownCode, ReasonBadPayload,
	}
}
