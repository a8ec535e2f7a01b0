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

// Earlier lets everything that has happened have happened so much earlier.
func Earlier(ctx context.Context, l *Ledger, by time.Duration) error {
	return l.tx(ctx, "test", func(t *tx) error {
		for table, columns := range map[string][]string{
			"accounts":  {"announced_at", "open_at", "held_at", "paused_at", "slowed_at", "floor_at", "alive_at"},
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

// Exec changes a ledger behind its back.
func Exec(t testing.TB, l *Ledger, query string, args ...any) {
	t.Helper()
	if err := l.tx(t.Context(), "test", func(t *tx) error { return t.exec(query, args...) }); err != nil {
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

// Number reads one number out of a ledger.
func Number(t testing.TB, l *Ledger, query string, args ...any) int64 {
	t.Helper()
	n, err := first(t.Context(), l, scanCount, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// BackDate lets what a column of a table tells of have been so much earlier.
func BackDate(t testing.TB, l *Ledger, table, column string, by time.Duration) {
	t.Helper()
	Exec(t, l, `UPDATE `+table+` SET `+column+` = `+column+` - ? WHERE `+column+` > 0`, by.Microseconds())
}

// TakeListed is how a worker goes on that found a question open a moment ago.
func TakeListed(ctx context.Context, l *Ledger, q Question) error {
	now, err := l.now(ctx)
	if err != nil {
		return err
	}
	return l.takeQuestion(ctx, &q, now-questionLease.Microseconds())
}

// QuestionLease is how long a worker has for a question.
const QuestionLease = questionLease

// ReplayPage is how many deliveries are put in line again in one transaction.
const ReplayPage = replayPage

// BulkPage is how many shipments of an act over many are dealt with at a time.
const BulkPage = bulkPage

// WithBudgetOf is a row with what another one has left of its retry budget.
func WithBudgetOf(r, other Row) Row {
	r.budgetAt, r.budgetHeld = other.budgetAt, other.budgetHeld
	return r
}

// SettleSlowly is Settle with something done before it is committed.
func SettleSlowly(ctx context.Context, l *Ledger, r Row, m Move, meanwhile func()) error {
	return l.tx(ctx, "test", func(t *tx) error {
		if err := t.move(r, m, "w"); err != nil {
			return err
		}
		if err := t.tell(); err != nil {
			return err
		}
		t.outcomes = nil
		meanwhile()
		return nil
	})
}

// NumberPage is how many events are numbered at a time.
const NumberPage = numberPage

// AfterDigits is the first text of digits after all that begin with the given one.
func AfterDigits(text string) (end string, ok bool) { return afterDigits(text) }

// LookForWork is how long ETA takes an idle lane to need.
const LookForWork = lookForWork
