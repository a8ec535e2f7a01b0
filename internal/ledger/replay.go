package ledger

import (
	"context"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/shipment"
)

// DeliveryFilter narrows deliveries; empty fields do not narrow.
type DeliveryFilter struct {
	State    DeliveryState
	Endpoint int64
	Event    string // an event's id
	Key      shipment.Key
	From, To time.Time // when it happened
}

func (f DeliveryFilter) conditions() *conditions {
	c := &conditions{}
	c.text("d.state", string(f.State))
	if f.Endpoint != 0 {
		c.add("d.endpoint = ?", f.Endpoint)
	}
	c.text("e.uid", f.Event)
	c.text("d.partner", f.Key.Partner)
	c.text("d.trade_no", f.Key.TradeNo)
	c.since("e.at", f.From, f.To)
	return c
}

// DeliveryCursor is the delivery after which a page begins; the zero one is the beginning.
type DeliveryCursor struct{ Event, Endpoint int64 }

// Cursor is the delivery's own place in the list.
func (d Delivery) Cursor() DeliveryCursor { return DeliveryCursor{d.Event.row, d.Endpoint.ID} }

// Deliveries lists deliveries, those of the newest event first.
func (l *Ledger) Deliveries(ctx context.Context, f DeliveryFilter, after DeliveryCursor, most int) ([]Delivery, error) {
	c := f.conditions()
	if after != (DeliveryCursor{}) {
		c.add("(d.event, d.endpoint) < (?, ?)", after.Event, after.Endpoint)
	}
	where, args := c.where()
	return list(ctx, l, scanDelivery, l.dialect.selectDelivery()+`WHERE `+where+` ORDER BY d.event DESC, d.endpoint DESC LIMIT ?`, append(args, most)...)
}

// CountDeliveries counts deliveries by state, whatever state the filter has.
func (l *Ledger) CountDeliveries(ctx context.Context, f DeliveryFilter) (map[DeliveryState]int64, error) {
	f.State = ""
	counts := make(map[DeliveryState]int64)
	where, args := f.conditions().where()
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var state DeliveryState
		var n int64
		err := s.Scan(&state, &n)
		counts[state] = n
		return struct{}{}, err
	}, `SELECT d.state, COUNT(*) FROM deliveries d JOIN events e ON e.id = d.event WHERE `+where+` GROUP BY d.state`, args...)
	return counts, err
}

// replayPage is how many deliveries are put in line again in one transaction.
const replayPage = 500

// Replay has everything that matches sent again, under the same ids, with three days of its own, and tells how much
// that is. What is pending anyway is tried at once. An act of a person: it stands in the audit trail before anything
// is put in line. It may be repeated after it was broken off: what it has put in line is not there twice.
func (l *Ledger) Replay(ctx context.Context, f DeliveryFilter, actor string) (n int64, err error) {
	key, after, err := l.described(ctx, f)
	if err != nil {
		return 0, err
	}
	err = l.tx(ctx, "replay", func(t *tx) error {
		return t.enter(entry{key: key, actor: actor, act: ActReplay, audit: true, after: values(after)})
	})
	for place := (DeliveryCursor{}); err == nil; {
		var page []DeliveryCursor
		if page, err = l.replayed(ctx, f, place); err != nil || len(page) == 0 {
			break
		}
		place = page[len(page)-1]
		var some int64
		some, err = l.replay(ctx, page)
		n += some
	}
	return n, err
}

// replayed are the next few deliveries that a replay puts in line, the oldest event first: of a shipment the later one
// must find the earlier one there, or it would be sent before it.
func (l *Ledger) replayed(ctx context.Context, f DeliveryFilter, after DeliveryCursor) ([]DeliveryCursor, error) {
	c := f.conditions()
	c.add("(d.event, d.endpoint) > (?, ?)", after.Event, after.Endpoint)
	where, args := c.where()
	return list(ctx, l, func(s scanner) (d DeliveryCursor, err error) { return d, s.Scan(&d.Event, &d.Endpoint) },
		`SELECT d.event, d.endpoint FROM deliveries d JOIN events e ON e.id = d.event WHERE `+where+`
		ORDER BY d.event, d.endpoint LIMIT ?`, append(args, replayPage)...)
}

// replay puts some deliveries in line. One that is under way may be sent twice at once, under one id.
func (l *Ledger) replay(ctx context.Context, page []DeliveryCursor) (n int64, err error) {
	pairs := make([]any, 0, 2*len(page))
	for _, d := range page {
		pairs = append(pairs, d.Event, d.Endpoint)
	}
	err = l.tx(ctx, "replay", func(t *tx) error {
		n, err = t.changed(`UPDATE deliveries SET state = 'pending', failures = 0, due_at = ?, give_up_at = ?, settled_at = 0
			WHERE (event, endpoint) IN (VALUES (CAST(? AS BIGINT), CAST(? AS BIGINT))`+strings.Repeat(", (?, ?)", len(page)-1)+`)
			AND endpoint IN (SELECT id FROM endpoints WHERE withdrawn_at = 0)`,
			append([]any{t.now, t.now + DeliverFor.Microseconds()}, pairs...)...)
		return err
	})
	return n, err
}

// described is a replay's filter for the audit trail: the shipment, where there is one, and the rest in words.
func (l *Ledger) described(ctx context.Context, f DeliveryFilter) (k shipment.Key, rest map[string]string, err error) {
	rest = make(map[string]string)
	note := func(name, value string) {
		if value != "" {
			rest[name] = value
		}
	}
	k = f.Key
	if f.Event != "" {
		one, err := l.Deliveries(ctx, f, DeliveryCursor{}, 1)
		if err != nil {
			return k, nil, err
		}
		if len(one) == 1 {
			k = one[0].Event.Key
		}
	}
	if k.Partner == "" {
		note("trade_no", k.TradeNo)
		k.TradeNo = ""
	}
	if f.Endpoint != 0 {
		e, err := first(ctx, l, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints p WHERE id = ?`, f.Endpoint)
		if err != nil {
			return k, nil, orNotFound(err, "endpoint "+strconv.FormatInt(f.Endpoint, 10))
		}
		note("endpoint", e.String())
	}
	note("event", f.Event)
	note("deliveries", string(f.State))
	for name, when := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !when.IsZero() {
			note(name, when.In(beijing.Zone).Format(time.RFC3339))
		}
	}
	return k, rest, nil
}
