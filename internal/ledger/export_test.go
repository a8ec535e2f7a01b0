package ledger

import (
	"context"
	"testing"
	"time"
)

// Setting reads a setting of the ledger's own PostgreSQL sessions.
func Setting(ctx context.Context, l *Ledger, name string) (string, error) {
	return first(ctx, l, func(s scanner) (v string, err error) { return v, s.Scan(&v) }, "SELECT current_setting(?)", name)
}

// LastSeen lets the live belt's workers have said that they use it so long ago.
func LastSeen(ctx context.Context, l *Ledger, ago time.Duration) error {
	return l.tx(ctx, "test", func(t *tx) error {
		known, err := t.belt()
		if err != nil {
			return err
		}
		known.Seen = t.now - ago.Microseconds()
		for name := range known.Workers {
			known.Workers[name] = known.Seen
		}
		return t.setBelt(known)
	})
}

// Close closes a dead shipment, as a person will be able to.
func Close(t *testing.T, l *Ledger, r Row) {
	t.Helper()
	err := l.tx(t.Context(), "test", func(t *tx) error {
		return t.exec(`UPDATE shipments SET state = 'closed', reason = '', settled_at = changed_at, version = version + 1 WHERE id = ?`, r.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// NoteOneWorker lets the belt stand in the ledger as it did when only the worker that said so last was noted.
func NoteOneWorker(ctx context.Context, l *Ledger) error {
	return l.tx(ctx, "test", func(t *tx) error {
		known, err := t.belt()
		if err != nil {
			return err
		}
		known.Workers = nil
		return t.setBelt(known)
	})
}
