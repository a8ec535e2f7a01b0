package ledger

import (
	"context"
	"fmt"
	"math"
	"time"

	"fahuo/internal/shipment"
)

// Scope narrows a question to a batch, an account, or one shipment; empty fields do not narrow.
type Scope struct {
	Batch   string
	Partner string
	TradeNo string
}

func (s Scope) where() (condition string, args []any) {
	condition = "1 = 1"
	for _, c := range []struct{ column, value string }{{"batch", s.Batch}, {"partner", s.Partner}, {"trade_no", s.TradeNo}} {
		if c.value != "" {
			condition += " AND " + c.column + " = ?"
			args = append(args, c.value)
		}
	}
	return condition, args
}

// Counts counts shipments by state; every state is in the map.
func (l *Ledger) Counts(ctx context.Context, s Scope) (map[shipment.State]int64, error) {
	type count struct {
		state shipment.State
		n     int64
	}
	where, args := s.where()
	counts, err := list(ctx, l, func(s scanner) (c count, err error) { return c, s.Scan(&c.state, &c.n) },
		`SELECT state, COUNT(*) FROM shipments WHERE `+where+` GROUP BY state`, args...)
	if err != nil {
		return nil, err
	}
	byState := make(map[shipment.State]int64)
	for _, state := range shipment.States() {
		byState[state] = 0
	}
	for _, c := range counts {
		byState[c.state] = c.n
	}
	return byState, nil
}

// PartnersIn lists the accounts that have shipments in a scope.
func (l *Ledger) PartnersIn(ctx context.Context, s Scope) ([]string, error) {
	where, args := s.where()
	return list(ctx, l, func(s scanner) (p string, err error) { return p, s.Scan(&p) },
		`SELECT DISTINCT partner FROM shipments WHERE `+where+` ORDER BY partner`, args...)
}

// PartnersWaiting lists the accounts for which something in a scope is open.
func (l *Ledger) PartnersWaiting(ctx context.Context, s Scope) ([]string, error) {
	where, args := s.where()
	return list(ctx, l, scanText, `SELECT DISTINCT partner FROM shipments WHERE `+where+` AND state IN ('queued', 'calling') ORDER BY partner`, args...)
}

// uncalled is what may still be cancelled.
const uncalled = ` AND state = 'queued' AND sent_attempts = 0`

// Uncalled counts what Cancel would close in the scope.
func (l *Ledger) Uncalled(ctx context.Context, s Scope) (int64, error) {
	where, args := s.where()
	return first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE `+where+uncalled, args...)
}

// Cancel closes the queued shipments in the scope that were never called, and returns the keys of
// those that it left and in which state they are. Where there is none of the first, nothing is entered either: nobody
// has cancelled anything.
func (l *Ledger) Cancel(ctx context.Context, s Scope, actor string) (closed int64, left []Row, err error) {
	return l.cancel(ctx, s, math.MaxInt64, actor)
}

// CancelShown is Cancel for somebody who was shown how many it would be. ErrStale when there are more by now.
func (l *Ledger) CancelShown(ctx context.Context, s Scope, shown int64, actor string) (closed int64, err error) {
	closed, _, err = l.cancel(ctx, s, shown, actor)
	return closed, err
}

func (l *Ledger) cancel(ctx context.Context, s Scope, most int64, actor string) (closed int64, left []Row, err error) {
	err = l.tx(ctx, "cancel", func(t *tx) error {
		closed, left, err = t.cancel(s, most, actor)
		return err
	})
	return closed, left, err
}

func (t *tx) cancel(s Scope, most int64, actor string) (closed int64, left []Row, err error) {
	where, args := s.where()
	var n int64
	if err := t.row(`SELECT COUNT(*) FROM shipments WHERE `+where+uncalled, args...).Scan(&n); err != nil {
		return 0, nil, fmt.Errorf("ledger: %w", err)
	}
	if n > most {
		return 0, nil, ErrStale
	}
	if n > 0 {
		err = t.enter(entry{key: shipment.Key{Partner: s.Partner, TradeNo: s.TradeNo}, actor: actor, act: ActCancel, detail: s.Batch, audit: true})
		if err != nil {
			return 0, nil, err
		}
		// Many at once: they do not pass through enter one by one.
		t.outcomeIDs, err = listIn(t.ctx, t.Tx, t.dialect, scanCount, `SELECT id FROM shipments WHERE `+where+uncalled, args...)
		if err != nil {
			return 0, nil, err
		}
		err = t.exec(`INSERT INTO history (at, partner, trade_no, actor, act, from_state, to_state, version, detail)
			SELECT CAST(? AS BIGINT), partner, trade_no, CAST(? AS TEXT), 'cancel', 'queued', 'closed', version + 1, 'cancelled' FROM shipments WHERE `+where+uncalled,
			append([]any{t.now, actor}, args...)...)
		if err != nil {
			return 0, nil, err
		}
		closed, err = t.changed(`UPDATE shipments SET state = 'closed', version = version + 1, changed_at = ?, settled_at = ?, not_before = 0,
			doubt = 0, feed = dead_task WHERE `+where+uncalled, append([]any{t.now, t.now}, args...)...)
		if err != nil {
			return 0, nil, err
		}
	}
	left, err = listIn(t.ctx, t.Tx, t.dialect, scanRow, t.dialect.selectRow()+`WHERE `+where+` AND state <> 'closed' ORDER BY id`, args...)
	return closed, left, err
}

// DeathCount counts dead letters by reason.
func (l *Ledger) DeathCount(ctx context.Context) (map[shipment.Reason]int64, error) {
	counts := make(map[shipment.Reason]int64)
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var r shipment.Reason
		var n int64
		err := s.Scan(&r, &n)
		counts[r] = n
		return struct{}{}, err
	}, `SELECT reason, COUNT(*) FROM shipments WHERE state = 'dead' GROUP BY reason`)
	return counts, err
}

// OldestQueued is when the oldest shipment still queued was accepted, by account.
func (l *Ledger) OldestQueued(ctx context.Context) (map[string]time.Time, error) {
	oldest := make(map[string]time.Time)
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var partner string
		var us int64
		err := s.Scan(&partner, &us)
		oldest[partner] = at(us)
		return struct{}{}, err
	}, `SELECT partner, MIN(accepted_at) FROM shipments WHERE state = 'queued' GROUP BY partner`)
	return oldest, err
}

// CountsByPartner counts all shipments by account and state.
func (l *Ledger) CountsByPartner(ctx context.Context) (map[string]map[shipment.State]int64, error) {
	counts := make(map[string]map[shipment.State]int64)
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var partner string
		var state shipment.State
		var n int64
		err := s.Scan(&partner, &state, &n)
		if counts[partner] == nil {
			counts[partner] = make(map[shipment.State]int64)
		}
		counts[partner][state] = n
		return struct{}{}, err
	}, `SELECT partner, state, COUNT(*) FROM shipments GROUP BY partner, state`)
	return counts, err
}

// Dead lists dead letters in the scope, the newest first.
func (l *Ledger) Dead(ctx context.Context, s Scope, most int) ([]Row, error) {
	where, args := s.where()
	return list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE `+where+` AND state = 'dead'
		ORDER BY changed_at DESC, id DESC LIMIT ?`, append(args, most)...)
}
