package ledger

import (
	"fmt"

	"fahuo/internal/shipment"
)

// Finding is what a query about a trade says for shipping it. The zero value: nothing is known.
type Finding string

// What a verified answer to a query can mean.
const (
	FoundWaiting      Finding = "waiting"       // waits to be shipped
	FoundShipped      Finding = "shipped"       // has been shipped, by whomever
	FoundNotShippable Finding = "not_shippable" // any other status
	FoundNotExist     Finding = "not_exist"     // no such trade
)

// Finds is what a query has found about a trade.
type Finds struct {
	Found        Finding // empty: the query told nothing
	TradeStatus  string
	RefundStatus string
	Code         string // Alipay's, of a query that was refused
	Error        string // why nothing was learnt; short
}

func (f Finds) text() string {
	switch {
	case f.TradeStatus != "":
		return f.TradeStatus
	case f.Code != "":
		return f.Code
	}
	return f.Error
}

// Obstacle is why an act is not valid for a shipment. The zero value: it is.
type Obstacle string

// The obstacles.
const (
	ObstacleState     Obstacle = "state"       // not in a state in which this can be done
	ObstaclePayload   Obstacle = "payload"     // it never was a shipment
	ObstacleShipped   Obstacle = "shipped"     // a query says that it is shipped: a second call is never right (U7)
	ObstacleRefused   Obstacle = "refused"     // refused for good, and no query says that it waits after all (C1)
	ObstacleLookFirst Obstacle = "look_first"  // it may have been shipped and the account may not query: a person has to look
	ObstacleNotFound  Obstacle = "not_shipped" // no query says that it is shipped
	ObstacleChanged   Obstacle = "changed"     // has changed since it was shown
)

// CanSendAgain tells whether a shipment may be sent again (dead) or reopened (closed). mayQuery says that
// Alipay answers the account's queries.
func (r Row) CanSendAgain(mayQuery bool) Obstacle {
	switch {
	case r.State != shipment.Dead && r.State != shipment.Closed:
		return ObstacleState
	case r.Reason == shipment.ReasonBadPayload:
		return ObstaclePayload
	case r.Found == FoundShipped:
		return ObstacleShipped
	case mayQuery && r.Barred && r.Found != FoundWaiting:
		return ObstacleRefused
	case !mayQuery && r.SentAttempts > 0:
		return ObstacleLookFirst
	}
	return ""
}

// CanClose tells whether a dead letter may be closed.
func (r Row) CanClose() Obstacle {
	if r.State != shipment.Dead {
		return ObstacleState
	}
	return ""
}

// CanMarkShipped tells whether a dead letter may be marked as shipped: only after a query said that it is.
func (r Row) CanMarkShipped() Obstacle {
	switch {
	case r.State != shipment.Dead:
		return ObstacleState
	case r.Found != FoundShipped:
		return ObstacleNotFound
	}
	return ""
}

// ObstacleError says that an act is not valid for the shipment as it is now.
type ObstacleError struct {
	Key      shipment.Key
	Obstacle Obstacle
}

func (e *ObstacleError) Error() string { return fmt.Sprintf("%s: not possible: %s", e.Key, e.Obstacle) }
