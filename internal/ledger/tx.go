package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"time"

	"fahuo/internal/shipment"
)

// operationLimit is how long one operation may take: a database that has silently gone away must not keep
// anybody for ever. It is far above what a slow one needs.
const operationLimit = 60 * time.Second

// tx is one write transaction and the ledger's time within it.
type tx struct {
	*sql.Tx
	ctx     context.Context
	dialect dialect
	now     int64

	identity string         // the ledger's
	outcomes []shipment.Key // what has become shipped, dead or closed

	gathers *gathering // nil: everything is written at once
}

// Observe has every write transaction reported from now on: what it was for, and how long it took, waits
// and repetitions included.
func (l *Ledger) Observe(f func(op string, took time.Duration)) { l.observe.Store(&f) }

// tx runs f in one write transaction, committed when f returns nil. It is run again when the database says
// that another transaction was in its way and nothing of it was done; so f sets whatever it hands out anew.
func (l *Ledger) tx(ctx context.Context, op string, f func(*tx) error) error {
	if observe := l.observe.Load(); observe != nil {
		defer func(start time.Time) { (*observe)(op, time.Since(start)) }(time.Now())
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, l.dialect.patience) {
		err := l.try(ctx, f)
		if err == nil || !l.dialect.inTheWay(err) {
			return err
		}
		if pause(ctx, jitter(wait)) != nil {
			return err
		}
	}
}

// try runs f in one transaction, once.
func (l *Ledger) try(ctx context.Context, f func(*tx) error) error {
	sqlTx, err := l.write.BeginTx(ctx, l.dialect.options)
	if err != nil {
		return fmt.Errorf("ledger: begin transaction: %w", err)
	}
	t := &tx{Tx: sqlTx, ctx: ctx, dialect: l.dialect, identity: l.identity}
	// The time is read first. SQLite has taken the write lock by now, PostgreSQL takes its snapshot with
	// this: whatever we see was written earlier than now.
	if t.now, err = l.dialect.now(ctx, sqlTx); err != nil {
		err = fmt.Errorf("ledger: %w", err)
	} else {
		if err = f(t); err == nil {
			err = t.tell()
		}
	}
	if err != nil {
		if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) && ctx.Err() == nil {
			return errors.Join(err, rollback)
		}
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("ledger: commit: %w", err)
	}
	return nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.changed(query, args...)
	return err
}

// changed runs a statement and tells how many rows it changed.
func (t *tx) changed(query string, args ...any) (int64, error) {
	result, err := t.ExecContext(t.ctx, t.dialect.bind(query), args...)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return result.RowsAffected()
}

// one runs a compare-and-swap: exactly one row must change, none is the error otherwise.
func (t *tx) one(otherwise error, query string, args ...any) error {
	n, err := t.changed(query, args...)
	switch {
	case err != nil:
		return err
	case n == 0:
		return otherwise
	case n > 1:
		return fmt.Errorf("ledger: %d rows changed where one was meant", n)
	}
	return nil
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.QueryRowContext(t.ctx, t.dialect.bind(query), args...)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func jitter(most time.Duration) time.Duration {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(most)))
	if err != nil {
		return most
	}
	return time.Duration(n.Int64()) + time.Millisecond
}
