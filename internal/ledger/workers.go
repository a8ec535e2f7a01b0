package ledger

import (
	"context"
	"strings"
	"time"
)

// Worker is a process that ships, as it has last said of itself.
type Worker struct {
	Name     string
	Partners []string // the accounts that it serves
	Started  time.Time
	Seen     time.Time
	Stopped  time.Time // zero: it has not said so
}

// WorkerLease is how long a worker counts as alive after it has last said so.
const WorkerLease = 20 * time.Second

// Alive tells whether a worker has said that it works, at the ledger's time given.
func (w Worker) Alive(now time.Time) bool { return w.Stopped.IsZero() && now.Sub(w.Seen) < WorkerLease }

// Serves tells whether it works for an account.
func (w Worker) Serves(partner string) bool {
	for _, p := range w.Partners {
		if p == partner {
			return true
		}
	}
	return false
}

// Heartbeat says that a worker works, or (stopping) that it has ended.
func (l *Ledger) Heartbeat(ctx context.Context, name string, partners []string, stopping bool) error {
	return l.tx(ctx, "heartbeat", func(t *tx) error {
		stopped := int64(0)
		if stopping {
			stopped = t.now
		}
		if err := t.exec(`DELETE FROM workers WHERE seen_at < ?`, t.now-(7*24*time.Hour).Microseconds()); err != nil {
			return err
		}
		return t.exec(`INSERT INTO workers (name, partners, started_at, seen_at, stopped_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET partners = excluded.partners, seen_at = excluded.seen_at, stopped_at = excluded.stopped_at`,
			name, strings.Join(partners, " "), t.now, t.now, stopped)
	})
}

// Workers lists the workers of the last week, those that were seen last first.
func (l *Ledger) Workers(ctx context.Context) ([]Worker, error) {
	return list(ctx, l, func(s scanner) (Worker, error) {
		var w Worker
		var partners string
		var started, seen, stopped int64
		err := s.Scan(&w.Name, &partners, &started, &seen, &stopped)
		w.Partners, w.Started, w.Seen, w.Stopped = strings.Fields(partners), at(started), at(seen), at(stopped)
		return w, err
	}, `SELECT name, partners, started_at, seen_at, stopped_at FROM workers ORDER BY seen_at DESC, name`)
}
