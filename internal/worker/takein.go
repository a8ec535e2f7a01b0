package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// read gets the row; a task that was put into the queue directly is taken into the ledger. known is
// false when the task is no shipment and has been dealt with.
func (l *lane) read(ctx context.Context, j *job) (row ledger.Row, known bool, err error) {
	row, err = l.w.o.Book.Get(ctx, j.key)
	if errors.Is(err, ledger.ErrNotFound) {
		s, err := tasks.ParsePayload(j.payload)
		if err != nil || s.Key() != j.key || s.Validate() != nil {
			return ledger.Row{}, false, l.refuse(ctx, j)
		}
		l.step(StepAccept)
		if _, err := l.w.o.Book.Accept(ctx, []shipment.Shipment{s}, ledger.AcceptOptions{Actor: "queue"}); err != nil {
			return ledger.Row{}, true, err
		}
		l.step(StepTaken)
		row, err = l.w.o.Book.Get(ctx, j.key)
		if err != nil {
			return ledger.Row{}, true, err
		}
		// Its task is this one; the feeder need not make another.
		return row, true, l.w.o.Book.Fed(ctx, []ledger.Row{row})
	}
	if err == nil && j.payload != nil {
		err = l.comparePayload(ctx, j, row)
		j.payload = nil // once
	}
	return row, true, err
}

// comparePayload notes a payload that differs: what the ledger holds is shipped.
func (l *lane) comparePayload(ctx context.Context, j *job, row ledger.Row) error {
	s, err := tasks.ParsePayload(j.payload)
	if err != nil {
		return nil //nolint:nilerr // unreadable: the ledger has the shipment, nothing is lost
	}
	d, differs := row.Differs(s)
	if !differs {
		return nil
	}
	l.w.o.Log.Warn().Stringer("shipment", j.key).Str("field", d.Field).Msg("the task's payload differs from the ledger; the ledger's is used")
	return l.w.o.Book.Remark(ctx, j.key, l.w.o.Name, fmt.Sprintf("a task said %s %q; %q is used", d.Field, d.New, d.Old))
}

// opaque makes a name of a task's id, in which nothing means anything and which no shipment can have: a trade
// number is all digits. Ids that would look alike then are told apart by a hash.
func opaque(id string) string {
	const prefix, most = "task-", 48
	name := []rune(strings.Map(func(r rune) rune {
		if r == '#' || r == ':' || r == utf8.RuneError || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, id))
	if len(name) <= most && string(name) == id {
		return prefix + id
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(id)) // never fails
	return fmt.Sprintf("%s%s-%08x", prefix, string(name[:min(len(name), most)]), hash.Sum32())
}

// refuse makes a dead letter of a task that is no shipment. It goes by a name of its own, even where the task's
// id names a shipment: that one may still be handed over.
func (l *lane) refuse(ctx context.Context, j *job) error {
	k := shipment.Key{Partner: l.partner, TradeNo: opaque(j.id)}
	l.w.o.Log.Error().Str("task", j.id).Msg("a task in the queue is no shipment; it is a dead letter now")
	l.step(StepRefuse)
	if err := l.w.o.Book.AcceptDead(ctx, k, j.payload, l.w.o.Name); err != nil {
		return err
	}
	row, err := l.w.o.Book.Get(ctx, k)
	if err != nil {
		return err
	}
	if row.State == shipment.Dead {
		l.moved(ctx, row, "a task that is no shipment")
	}
	return nil
}
