package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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

// Earlier lets everything that has happened have happened so much earlier.
func Earlier(ctx context.Context, l *Ledger, by time.Duration) error {
	return l.tx(ctx, "test", func(t *tx) error {
		for table, columns := range map[string][]string{
			"accounts":  {"announced_at", "open_at", "held_at", "floor_at", "alive_at"},
			"shipments": {"accepted_at", "changed_at", "fence_at", "not_before", "budget_at"},
			"calls":     {"begun_at", "fence_at", "finished_at"},
			"history":   {"at"},
		} {
			for _, c := range columns {
				if err := t.exec(`UPDATE `+table+` SET `+c+` = `+c+` - ? WHERE `+c+` <> 0`, by.Microseconds()); err != nil {
					return err
				}
			}
		}
		var text string
		if err := t.row(selectBelt).Scan(&text); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
		var known map[string]any // whatever times there are
		if err := json.Unmarshal([]byte(text), &known); err != nil {
			return err
		}
		value, err := json.Marshal(shifted(known, float64(by.Microseconds())))
		if err != nil {
			return err
		}
		return t.exec(`UPDATE ledger SET value = ? WHERE name = 'belt'`, string(value))
	})
}

// shifted takes so much off every number.
func shifted(v any, by float64) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = shifted(v[name], by)
		}
	case float64:
		return int64(v - by)
	}
	return v
}

// Close closes a dead shipment, as a person will be able to.
func Close(t *testing.T, l *Ledger, r Row) {
	t.Helper()
	err := l.tx(t.Context(), "test", func(t *tx) error {
		return t.exec(`UPDATE shipments SET state = 'closed', reason = '', version = version + 1 WHERE id = ?`, r.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
}
