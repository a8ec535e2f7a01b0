package ledger

import (
	"context"
	"time"

	"fahuo/internal/shipment"
)

// Standing is how an account stands.
type Standing struct {
	Account
	Queued   int64 // waiting, those to be retried included
	Urgent   int64 // of them
	Retrying int64 // of them: begun before
	Calling  int64
	Dead     int64
	Shipped  int64     // since the time asked for
	Oldest   time.Time // when the oldest queued one was accepted; zero: none is queued
	LastCall time.Time // when the last ship call was begun; zero: never
	LastDue  time.Time // the latest time before which a queued one must not be called; zero: none
}

// Standings reads how every account stands that a worker has announced or that has shipments; shipped ones are
// counted since the given time. shipService is what a ship call is called in the record of calls.
func (l *Ledger) Standings(ctx context.Context, since time.Time, shipService string) ([]Standing, error) {
	accounts, err := list(ctx, l, scanAccount, l.selectAccount()+`ORDER BY partner`)
	if err != nil {
		return nil, err
	}
	shipped, err := l.settledSince(ctx, since)
	if err != nil {
		return nil, err
	}
	all := make([]Standing, len(accounts))
	for i, a := range accounts {
		s := Standing{Account: a, Shipped: shipped[a.Partner]}
		var oldest, last, due int64
		_, err := first(ctx, l, func(row scanner) (struct{}, error) {
			return struct{}{}, row.Scan(&s.Queued, &s.Urgent, &s.Retrying, &oldest)
		}, `SELECT COUNT(*), COALESCE(SUM(urgent), 0), COALESCE(SUM(begun), 0), COALESCE(MIN(accepted_at), 0)
			FROM shipments WHERE partner = ? AND state = 'queued'`, a.Partner)
		if err != nil {
			return nil, err
		}
		for state, n := range map[shipment.State]*int64{shipment.Calling: &s.Calling, shipment.Dead: &s.Dead} {
			if *n, err = first(ctx, l, scanCount, `SELECT COUNT(*) FROM shipments WHERE partner = ? AND state = ?`, a.Partner, string(state)); err != nil {
				return nil, err
			}
		}
		if s.Retrying > 0 {
			due, err = first(ctx, l, scanCount, `SELECT COALESCE(MAX(not_before), 0) FROM shipments
				WHERE partner = ? AND state = 'queued' AND begun = 1`, a.Partner)
			if err != nil {
				return nil, err
			}
		}
		last, err = first(ctx, l, scanCount, `SELECT COALESCE(MAX(begun_at), 0) FROM calls WHERE partner = ? AND service = ?`, a.Partner, shipService)
		if err != nil {
			return nil, err
		}
		s.Oldest, s.LastCall, s.LastDue = at(oldest), at(last), at(due)
		all[i] = s
	}
	return all, nil
}

// settledSince counts shipped shipments by account.
func (l *Ledger) settledSince(ctx context.Context, since time.Time) (map[string]int64, error) {
	counts := make(map[string]int64)
	_, err := list(ctx, l, func(s scanner) (struct{}, error) {
		var partner string
		var n int64
		err := s.Scan(&partner, &n)
		counts[partner] = n
		return struct{}{}, err
	}, `SELECT partner, COUNT(*) FROM shipments WHERE settled_at >= ? AND settled_at > 0 AND state = 'shipped' GROUP BY partner`, since.UnixMicro())
	return counts, err
}

// Mark is a ship call, for a chart.
type Mark struct {
	Partner  string
	At       time.Time
	Verdict  string
	Code     string
	Answered bool
}

// Marks lists ship calls since a time, by account and time.
func (l *Ledger) Marks(ctx context.Context, partner, shipService string, since time.Time) ([]Mark, error) {
	return list(ctx, l, func(s scanner) (Mark, error) {
		var m Mark
		var begun, finished int64
		err := s.Scan(&m.Partner, &begun, &m.Verdict, &m.Code, &finished)
		m.At, m.Answered = at(begun), finished != 0
		return m, err
	}, `SELECT partner, begun_at, verdict, code, finished_at FROM calls WHERE partner = ? AND service = ? AND begun_at >= ? ORDER BY begun_at`,
		partner, shipService, since.UnixMicro())
}

// Hour is what became of shipments in one hour.
type Hour struct {
	From          time.Time
	Shipped, Dead int64
}

// Hours counts what was shipped and what died, by full hours since a time. Hours in which nothing happened are
// missing. partner may be empty: all accounts.
func (l *Ledger) Hours(ctx context.Context, partner string, since time.Time) ([]Hour, error) {
	const hour = int64(time.Hour / time.Microsecond)
	c := &conditions{}
	c.add("settled_at > 0")
	c.add("settled_at >= ?", since.UnixMicro())
	c.add("state IN ('shipped', 'dead')")
	c.text("partner", partner)
	where, args := c.where()
	type count struct {
		hour  int64
		state shipment.State
		n     int64
	}
	counts, err := list(ctx, l, func(s scanner) (c count, err error) { return c, s.Scan(&c.hour, &c.state, &c.n) },
		`SELECT settled_at / 3600000000, state, COUNT(*) FROM shipments WHERE `+where+` GROUP BY settled_at / 3600000000, state ORDER BY 1`, args...)
	if err != nil {
		return nil, err
	}
	var hours []Hour
	for _, c := range counts {
		from := time.UnixMicro(c.hour * hour)
		if len(hours) == 0 || !hours[len(hours)-1].From.Equal(from) {
			hours = append(hours, Hour{From: from})
		}
		last := &hours[len(hours)-1]
		if c.state == shipment.Shipped {
			last.Shipped = c.n
		} else {
			last.Dead = c.n
		}
	}
	return hours, nil
}
