package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Event is what became of a shipment: the same message that a webhook gets.
type Event struct {
	ID        string           `json:"id" doc:"The same however often it is sent; no other event has it."`
	Type      ledger.EventType `json:"type" enum:"shipment.shipped,shipment.dead,shipment.closed" doc:"What became of the shipment. There may be more types in time; ignore those that you do not know."`
	Timestamp *Moment          `json:"timestamp" doc:"When it happened."`
	Data      EventData        `json:"data" doc:"The shipment."`
}

// EventData is the shipment that an event is about.
type EventData struct {
	Partner      string          `json:"partner" doc:"The account."`
	TradeNo      string          `json:"trade_no" doc:"The trade number."`
	OrderRef     string          `json:"order_ref" doc:"Your order number."`
	Batch        string          `json:"batch" doc:"The batch that it is in; empty: in none."`
	Source       string          `json:"source" doc:"The name of the token that it was handed over with; empty: none."`
	State        shipment.State  `json:"state" enum:"shipped,dead,closed" doc:"What it is now."`
	Reason       shipment.Reason `json:"reason" doc:"For dead, and closed after that: why."`
	ErrorCode    string          `json:"error_code" doc:"Alipay's code, if it gave one."`
	TradeStatus  string          `json:"trade_status" doc:"The trade's status at Alipay, as far as it has been asked."`
	RefundStatus string          `json:"refund_status" doc:"The same of a refund."`
	At           *Moment         `json:"at" doc:"When it became so."`
	Version      int64           `json:"version" doc:"Counts the changes of one shipment: of two events about it, the one with the larger version is the later."`
}

// Moment is a time as it stands in events: RFC 3339 with microseconds.
type Moment string

// Schema describes it.
func (Moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-23T15:04:05.123456+08:00"}}
}

// Events is a part of all events.
type Events struct {
	Events []Event `json:"events" nullable:"false" doc:"The oldest first. Fewer than limit: there are no more for now."`
	Next   string  `json:"next" doc:"The cursor to go on from: keep it once you have dealt with these."`
}

type eventsInput struct {
	After string `query:"after" maxLength:"64" doc:"The next of the answer before; empty: from the beginning."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
}

type eventsOutput struct{ Body *Events }

func (a *API) registerEvents() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/events", "listEvents", "What became of shipments",
		"Every outcome of shipments of the token's accounts, whoever handed them over, in an order in which nothing is left out. For those who would rather ask than be told by a webhook."), a.listEvents)
}

// listEvents is GET /v1/events.
func (a *API) listEvents(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
	events, next, err := a.Book.Events(ctx, tokenOf(ctx).Partners, in.After, in.Limit)
	if errors.Is(err, ledger.ErrCursor) {
		return nil, problem(http.StatusUnprocessableEntity, "The cursor is not one of this server's, or its ledger was restored from an older copy.",
			&huma.ErrorDetail{Location: "query.after", Message: err.Error()})
	}
	if err != nil {
		return nil, away(ctx, err)
	}
	out := &Events{Events: make([]Event, len(events)), Next: next}
	for i, e := range events {
		if err := json.Unmarshal(e.Body, &out.Events[i]); err != nil {
			return nil, away(ctx, err)
		}
	}
	return &eventsOutput{Body: out}, nil
}
