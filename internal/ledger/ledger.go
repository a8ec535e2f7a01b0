package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"
)

// Errors on which callers decide.
var (
	ErrNotFound   = errors.New("no such shipment in the ledger")
	ErrStale      = errors.New("the shipment has changed since it was read")
	ErrSlotClosed = errors.New("the account's slot is not open")
	ErrHeld       = errors.New("the account is on hold")
)

// Ledger is the open book.
type Ledger struct {
	url      string
	dialect  dialect
	write    *sql.DB
	read     *sql.DB // the same as write where the database has many writers
	identity string
	observe  atomic.Pointer[func(op string, took time.Duration)]
}

// Open opens the ledger at url (sqlite:PATH or postgres://…), creates it or brings it up to date, and reads
// its identity. Several processes may open a new ledger at once. The caller closes it.
func Open(ctx context.Context, url string) (*Ledger, error) {
	l, err := connect(url)
	if err != nil {
		return nil, err
	}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", l.url, l.dialect.explain(err)), l.Close())
	}
	return l, nil
}

// OpenExisting is Open for those who only look or act on what is there: a ledger that is not there is an
// error and is not made.
func OpenExisting(ctx context.Context, url string) (*Ledger, error) {
	l, err := connect(url)
	if err != nil {
		return nil, err
	}
	there, err := l.dialect.exists(ctx, l.read)
	switch {
	case err != nil:
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", l.url, l.dialect.explain(err)), l.Close())
	case !there:
		return nil, errors.Join(fmt.Errorf("there is no ledger at %s; is --ledger (DATABASE_URL) the worker's?", l.url), l.Close())
	}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", l.url, l.dialect.explain(err)), l.Close())
	}
	return l, nil
}

// connect prepares the connections; with SQLite nothing is touched, with PostgreSQL nothing dialled before
// they are used.
func connect(url string) (*Ledger, error) {
	if isPostgres(url) {
		return connectPostgres(url)
	}
	return connectSQLite(url)
}

// Check tells whether a ledger could be at url, without opening it: no waiting mends a wrong address or a
// directory that is not there.
func Check(url string) error {
	if isPostgres(url) {
		_, err := parsePostgres(url)
		return err
	}
	path, err := sqlitePath(url)
	if err != nil {
		return err
	}
	return checkDir(path)
}

func (l *Ledger) prepare(ctx context.Context) error {
	if err := l.migrate(ctx); err != nil {
		return err
	}
	return l.readIdentity(ctx)
}

// Close closes the ledger.
func (l *Ledger) Close() error {
	if l.read == l.write {
		return l.write.Close()
	}
	return errors.Join(l.write.Close(), l.read.Close())
}

// URL names the ledger in full, for people; a password is not in it.
func (l *Ledger) URL() string { return l.url }

// Identity is the random name a ledger got when it was made. The belt carries it, so that a Redis
// loaded from another ledger is recognized.
func (l *Ledger) Identity() string { return l.identity }

// Ping tells whether the ledger answers.
func (l *Ledger) Ping(ctx context.Context) error {
	var one int
	return l.read.QueryRowContext(ctx, "SELECT 1 FROM ledger WHERE name = 'identity'").Scan(&one)
}

// Now is the ledger's time.
func (l *Ledger) Now(ctx context.Context) (time.Time, error) {
	now, err := l.now(ctx)
	return at(now), err
}

func (l *Ledger) now(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return l.dialect.now(ctx, l.read)
}

func (l *Ledger) readIdentity(ctx context.Context) error {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	return l.tx(ctx, "open", func(t *tx) error {
		err := t.exec(`INSERT INTO ledger (name, value) VALUES ('identity', ?) ON CONFLICT (name) DO NOTHING`,
			hex.EncodeToString(id[:]))
		if err != nil {
			return err
		}
		return t.row(`SELECT value FROM ledger WHERE name = 'identity'`).Scan(&l.identity)
	})
}

// operationLimit is how long one operation may take: a database that has silently gone away must not keep
// anybody for ever. It is far above what a slow one needs.
const operationLimit = 60 * time.Second

// tx is one write transaction and the ledger's time within it.
type tx struct {
	*sql.Tx
	ctx     context.Context
	dialect dialect
	now     int64

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
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
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
	t := &tx{Tx: sqlTx, ctx: ctx, dialect: l.dialect}
	// The time is read first. SQLite has taken the write lock by now, PostgreSQL takes its snapshot with
	// this: whatever we see was written earlier than now.
	if t.now, err = l.dialect.now(ctx, sqlTx); err != nil {
		err = fmt.Errorf("ledger: %w", err)
	} else {
		err = f(t)
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

// list reads all rows of a query through scan.
func list[T any](ctx context.Context, l *Ledger, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	return listIn(ctx, l.read, l.dialect, scan, query, args...)
}

// listIn is list in a transaction.
func listIn[T any](ctx context.Context, db querier, d dialect, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := db.QueryContext(ctx, d.bind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// first reads one row; sql.ErrNoRows when there is none.
func first[T any](ctx context.Context, l *Ledger, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(ctx, l, scan, query, args...)
	if err == nil && len(all) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var none T
		return none, err
	}
	return all[0], nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface{ Scan(dest ...any) error }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
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
