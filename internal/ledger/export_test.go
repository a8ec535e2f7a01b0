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

// BulkPage is how many shipments of an act over many are dealt with at a time.
const BulkPage = bulkPage

// WithBudgetOf is a row with what another one has left of its retry budget.
func WithBudgetOf(r, other Row) Row {
	r.budgetAt, r.budgetHeld = other.budgetAt, other.budgetHeld
	return r
}

// AfterDigits is the first text of digits after all that begin with the given one.
func AfterDigits(text string) (end string, ok bool) { return afterDigits(text) }
