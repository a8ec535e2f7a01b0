package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// Record is all that is known after a run: what the gateway saw, what the ledger holds, what Redis holds.
type Record struct {
	Interval    time.Duration
	CallTimeout time.Duration
	Accepted    []shipment.Key // the ledger has said that it has them

	Arrivals []alipaytest.Arrival
	Breaches []alipaytest.Breach

	Rows    map[shipment.Key]ledger.Row
	Calls   map[shipment.Key][]ledger.Call
	History map[shipment.Key][]ledger.Line

	DeadTasks map[shipment.Key]tasks.DeadLetter
	Archived  int64
}

// ReadRecord reads the record once nothing moves any more.
func ReadRecord(ctx context.Context, gateway *alipaytest.Gateway, book *ledger.Ledger, belt *tasks.Belt, partners []string) (*Record, error) {
	r := &Record{Arrivals: gateway.Arrivals(), Breaches: gateway.Breaches()}
	return r, errors.Join(r.readLedger(ctx, book), r.readRedis(ctx, belt, partners))
}

// read is ReadRecord for a world.
func (w *world) read(ctx context.Context) (*Record, error) {
	partners := make([]string, w.Accounts)
	for i := range partners {
		partners[i] = w.partner(i)
	}
	r, err := ReadRecord(ctx, w.gateway.Gateway, w.book, w.ownBelt(), partners)
	r.Interval, r.CallTimeout = w.Interval, w.CallTimeout
	for _, s := range w.accepted {
		r.Accepted = append(r.Accepted, s.Key())
	}
	return r, err
}

func (r *Record) readLedger(ctx context.Context, book *ledger.Ledger) error {
	r.Rows, r.Calls, r.History = make(map[shipment.Key]ledger.Row), make(map[shipment.Key][]ledger.Call), make(map[shipment.Key][]ledger.Line)
	for after := int64(0); ; {
		rows, err := book.All(ctx, after, 1000)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			after = row.ID
			k := row.Key()
			r.Rows[k] = row
			var callsErr, historyErr error
			r.Calls[k], callsErr = book.Calls(ctx, k)
			r.History[k], historyErr = book.History(ctx, k)
			if err := errors.Join(callsErr, historyErr); err != nil {
				return err
			}
		}
	}
}

func (r *Record) readRedis(ctx context.Context, belt *tasks.Belt, partners []string) (err error) {
	if r.Archived, err = belt.Archived(ctx, partners); err != nil {
		return err
	}
	inspector := asynq.NewInspectorFromRedisClient(belt.Redis())
	r.DeadTasks = make(map[shipment.Key]tasks.DeadLetter)
	for page := 1; ; page++ {
		found, err := inspector.ListPendingTasks(tasks.QueueDead, asynq.Page(page), asynq.PageSize(1000))
		if errors.Is(err, asynq.ErrQueueNotFound) {
			return nil
		}
		if err != nil || len(found) == 0 {
			return err
		}
		for _, t := range found {
			var d tasks.DeadLetter
			if err := json.Unmarshal(t.Payload, &d); err != nil {
				return fmt.Errorf("dead letter %s: %w", t.ID, err)
			}
			r.DeadTasks[d.Shipment.Key()] = d
		}
	}
}
