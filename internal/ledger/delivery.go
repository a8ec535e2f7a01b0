package ledger

import (
	"context"
	"encoding/json"
	"time"
)

// An event is delivered to an endpoint at least once:
//
//	pending ── acknowledged ──────────────► delivered
//	   ▲ └──── not within DeliverFor, 410 ─► failed
//	   └────── a person replays ── delivered, failed
//
// Whoever claims a delivery has it for a lease. If it dies, or cannot say what came of it, the lease runs out and the
// event is sent again under the same id. A later event of the same shipment waits until nothing earlier is pending.

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // given up
)

// DeliveryStates lists all states.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{DeliveryPending, DeliveryDelivered, DeliveryFailed}
}

// DeliverFor is for how long an event is sent again and again before it is given up.
const DeliverFor = 3 * 24 * time.Hour

// Delivery is one event for one endpoint.
type Delivery struct {
	Event     Event
	Endpoint  Endpoint
	State     DeliveryState
	Attempts  int64 // ever
	Failures  int64 // since it was made or replayed
	DueAt     time.Time
	GiveUpAt  time.Time
	TriedAt   time.Time // zero: never
	SettledAt time.Time // when it was acknowledged or given up
	Status    int       // of the last answer; 0: none
	Error     string    // what was wrong the last time

	// The ledger's time when it was read.
	ReadAt time.Time
}

const deliveryColumns = eventColumns + `, ` + endpointColumns + `, d.state, d.attempts, d.failures, d.due_at, d.give_up_at, d.tried_at,
	d.settled_at, d.status, d.error`

const fromDeliveries = ` FROM deliveries d JOIN events e ON e.id = d.event JOIN endpoints p ON p.id = d.endpoint `

func scanDelivery(s scanner) (d Delivery, err error) {
	var us, withdrawn, due, giveUp, tried, settled, now int64
	var body string
	fields := append(d.Event.fields(&us, &body), d.Endpoint.fields(&withdrawn)...)
	err = s.Scan(append(fields, &d.State, &d.Attempts, &d.Failures, &due, &giveUp, &tried, &settled, &d.Status, &d.Error, &now)...)
	d.Event.At, d.Event.Body, d.Endpoint.WithdrawnAt = at(us), json.RawMessage(body), at(withdrawn)
	d.DueAt, d.GiveUpAt, d.TriedAt, d.SettledAt, d.ReadAt = at(due), at(giveUp), at(tried), at(settled), at(orHost(now))
	return d, err
}

func (d dialect) selectDelivery() string {
	return `SELECT ` + deliveryColumns + `, ` + d.nowColumn + fromDeliveries
}

// ripe is what may be sent now: due, and nothing earlier about the same shipment on the way to the same endpoint.
const ripe = `d.state = 'pending' AND d.due_at <= ? AND NOT EXISTS (SELECT 1 FROM deliveries b WHERE b.endpoint = d.endpoint
	AND b.partner = d.partner AND b.trade_no = d.trade_no AND b.state = 'pending' AND b.event < d.event)`

// DueEndpoints tells which of the endpoints have something to be sent now.
func (l *Ledger) DueEndpoints(ctx context.Context, endpoints []int64) ([]int64, error) {
	if len(endpoints) == 0 {
		return nil, nil
	}
	now, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return list(ctx, l, scanCount, `SELECT p.id FROM endpoints p WHERE p.id IN (`+marks(len(endpoints))+`)
		AND EXISTS (SELECT 1 FROM deliveries d WHERE d.endpoint = p.id AND `+ripe+`)`, append(anys(endpoints), now)...)
}

func anys(ids []int64) []any {
	all := make([]any, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}

// ClaimDeliveries takes what is to be sent to an endpoint now, the oldest first and one of a shipment. Nobody
// else gets it until the lease is over. The intention is written before anything is sent: a process that dies after
// it leaves a delivery that is sent again.
func (l *Ledger) ClaimDeliveries(ctx context.Context, endpoint int64, most int, lease time.Duration) ([]Delivery, error) {
	var claimed []Delivery
	err := l.tx(ctx, "claim_deliveries", func(t *tx) error {
		var err error
		claimed, err = listIn(t.ctx, t.Tx, t.dialect, scanDelivery, t.dialect.selectDelivery()+`WHERE d.endpoint = ? AND `+ripe+`
			ORDER BY d.due_at, d.event LIMIT ?`, endpoint, t.now, most)
		if err != nil || len(claimed) == 0 {
			return err
		}
		due := t.now + lease.Microseconds()
		events := make([]int64, len(claimed))
		for i := range claimed {
			c := &claimed[i]
			c.Attempts++
			c.DueAt, c.TriedAt = at(due), at(t.now)
			events[i] = c.Event.row
		}
		// Who read the same in another transaction is sent back by the database.
		return t.exec(`UPDATE deliveries SET attempts = attempts + 1, due_at = ?, tried_at = ? WHERE endpoint = ? AND event IN (`+
			marks(len(events))+`)`, append([]any{due, t.now, endpoint}, anys(events)...)...)
	})
	return claimed, err
}

// Attempted is what came of an attempt at a delivery.
type Attempted struct {
	Acknowledged bool
	GiveUp       bool          // not acknowledged: do not try again
	Retry        time.Duration // not acknowledged: not before
	Status       int           // of the answer; 0: none
	Error        string
}

// Attempted records what came of an attempt. An acknowledgement is a fact, whoever has the delivery now, and answers a
// replay, too. ErrStale for a failure of whose delivery somebody else has made something meanwhile: has claimed it, or
// replayed it, which its time to be given up tells.
func (l *Ledger) Attempted(ctx context.Context, d Delivery, a Attempted) error {
	return l.tx(ctx, "attempted", func(t *tx) error {
		if a.Acknowledged {
			return t.one(ErrStale, `UPDATE deliveries SET state = 'delivered', settled_at = ?, status = ?, error = '' WHERE endpoint = ? AND event = ?
				AND state = 'pending'`, t.now, a.Status, d.Endpoint.ID, d.Event.row)
		}
		failures := d.Failures + 1
		state, settled, due := DeliveryPending, int64(0), min(t.now+a.Retry.Microseconds(), max(micros(d.GiveUpAt), t.now))
		if a.GiveUp || t.now >= micros(d.GiveUpAt) {
			state, settled, due = DeliveryFailed, t.now, t.now
		}
		return t.one(ErrStale, `UPDATE deliveries SET state = ?, failures = ?, due_at = ?, settled_at = ?, status = ?, error = ?
			WHERE endpoint = ? AND event = ? AND state = 'pending' AND attempts = ? AND give_up_at = ?`,
			string(state), failures, due, settled, a.Status, printable(a.Error), d.Endpoint.ID, d.Event.row, d.Attempts, micros(d.GiveUpAt))
	})
}
