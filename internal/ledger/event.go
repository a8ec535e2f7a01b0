package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/shipment"
)

// EventType says what a shipment has become.
type EventType string

// The types of events.
const (
	EventShipped EventType = "shipment.shipped"
	EventDead    EventType = "shipment.dead"
	EventClosed  EventType = "shipment.closed"
)

// eventOf is what happens when a shipment gets into a state; empty for a state that is no outcome.
func eventOf(to shipment.State) EventType {
	switch to {
	case shipment.Shipped:
		return EventShipped
	case shipment.Dead:
		return EventDead
	case shipment.Closed:
		return EventClosed
	case shipment.Queued, shipment.Calling:
	}
	return ""
}

// Event is what an order system is told of one shipment.
type Event struct {
	ID     string // the same however often it is sent; no other event of any ledger has it
	Type   EventType
	At     time.Time
	Key    shipment.Key
	Source string          // the API token that handed the shipment over; empty: none did
	Body   json.RawMessage // the whole message, ID, Type and At included; never changes

	row, seq int64
}

// eventBody is the message. It says nothing of the buyer.
type eventBody struct {
	ID        string    `json:"id"`
	Type      EventType `json:"type"`
	Timestamp string    `json:"timestamp"`
	Data      eventData `json:"data"`
}

type eventData struct {
	Partner      string          `json:"partner"`
	TradeNo      string          `json:"trade_no"`
	OrderRef     string          `json:"order_ref"`
	Batch        string          `json:"batch"`
	Source       string          `json:"source"`
	State        shipment.State  `json:"state"`
	Reason       shipment.Reason `json:"reason"`
	ErrorCode    string          `json:"error_code"`
	TradeStatus  string          `json:"trade_status"`
	RefundStatus string          `json:"refund_status"`
	At           string          `json:"at"`
	Version      int64           `json:"version"`
}

const eventTime = "2006-01-02T15:04:05.000000Z07:00"

// event makes the message about a shipment that has just become what it is.
func (t *tx) event(r Row) (Event, error) {
	e := Event{ID: t.eventID(r), Type: eventOf(r.State), At: at(t.now), Key: r.Key(), Source: r.Source}
	when := e.At.In(beijing.Zone).Format(eventTime)
	body, err := json.Marshal(eventBody{ID: e.ID, Type: e.Type, Timestamp: when, Data: eventData{
		Partner: r.Partner, TradeNo: r.TradeNo, OrderRef: r.OrderRef, Batch: r.Batch, Source: r.Source, State: r.State,
		Reason: r.Reason, ErrorCode: r.ErrorCode, TradeStatus: r.TradeStatus, RefundStatus: r.RefundStatus, At: when, Version: r.Version,
	}})
	e.Body = body
	return e, err
}

// eventID is drawn from what the event is, so a ledger that was restored from a copy and learns the same once more
// calls it by the same name.
func (t *tx) eventID(r Row) string {
	digest := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s", t.identity, r.Key(), r.Version, r.State))
	return "evt_" + strings.ToLower(base32.StdEncoding.EncodeToString(digest[:15]))
}

// becomes notes that a shipment gets into another state in this transaction. What it has become is read when all
// is done: the line of history may stand before the change.
func (t *tx) becomes(k shipment.Key, from, to shipment.State) {
	if from != to && eventOf(to) != "" && !slices.Contains(t.outcomes, k) {
		t.outcomes = append(t.outcomes, k)
	}
}

// eventPage is how many events are written at a time.
const eventPage = 100

// tell writes the events of a transaction, and a delivery of each to every endpoint of its account or its token:
// so what is committed is told, and nothing else is (R2).
func (t *tx) tell() error {
	// Each is looked up in the index of keys; a list of pairs would have PostgreSQL read the whole table.
	const byKey = `(partner = ? AND trade_no = ?)`
	for keys := range slices.Chunk(t.outcomes, eventPage) {
		var args []any
		for _, k := range keys {
			args = append(args, k.Partner, k.TradeNo)
		}
		if err := t.tellSome(byKey+strings.Repeat(" OR "+byKey, len(keys)-1), args); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) tellSome(which string, args []any) error {
	rows, err := listIn(t.ctx, t.Tx, t.dialect, scanRow, t.dialect.selectRow()+`WHERE `+which, args...)
	if err != nil {
		return err
	}
	var values [][]any
	var ids []any
	for _, r := range rows {
		if eventOf(r.State) == "" {
			continue // it has gone on within the same transaction
		}
		e, err := t.event(r)
		if err != nil {
			return fmt.Errorf("ledger: event about %s: %w", r.Key(), err)
		}
		ids = append(ids, e.ID)
		values = append(values, []any{e.ID, t.now, string(e.Type), r.Partner, r.TradeNo, r.Source, string(e.Body)})
	}
	if len(values) == 0 {
		return nil
	}
	if err := t.insert(`INSERT INTO events (uid, at, type, partner, trade_no, source, body)`, values, `ON CONFLICT (uid) DO NOTHING`); err != nil {
		return err
	}
	return t.exec(`INSERT INTO deliveries (endpoint, event, partner, trade_no, due_at, give_up_at)
		SELECT p.id, e.id, e.partner, e.trade_no, e.at, e.at + CAST(? AS BIGINT) FROM events e JOIN endpoints p
		ON p.withdrawn_at = 0 AND ((p.kind = 'account' AND p.owner = e.partner) OR (p.kind = 'token' AND p.owner = e.source AND e.source <> ''))
		WHERE e.uid IN (`+marks(len(ids))+`) ON CONFLICT DO NOTHING`, append([]any{DeliverFor.Microseconds()}, ids...)...)
}
