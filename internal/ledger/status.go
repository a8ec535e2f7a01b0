package ledger

import (
	"context"
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
