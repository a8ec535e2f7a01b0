package ledger

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// Setting reads a setting of the ledger's own PostgreSQL sessions.
func Setting(ctx context.Context, l *Ledger, name string) (string, error) {
	return first(ctx, l, func(s scanner) (v string, err error) { return v, s.Scan(&v) }, "SELECT current_setting(?)", name)
}

// LastSeen lets the live belt's worker have said that it uses it so long ago.
func LastSeen(ctx context.Context, l *Ledger, ago time.Duration) error {
	return l.tx(ctx, "test", func(t *tx) error {
		var text string
		if err := t.row(selectBelt).Scan(&text); err != nil {
			return err
		}
		known := parseBelt(text)
		known.Seen = t.now - ago.Microseconds()
		value, err := json.Marshal(known)
		if err != nil {
			return err
		}
		return t.exec(`UPDATE ledger SET value = ? WHERE name = 'belt'`, string(value))
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
