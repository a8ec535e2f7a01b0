package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

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
	write    *sql.DB // one connection: writers of one process queue in Go, not on the file's lock
	read     *sql.DB
	identity string
	clock    func() time.Time
	observe  atomic.Pointer[func(op string, took time.Duration)]
}

// Open opens the ledger at url ("sqlite:PATH"), creates it or brings it up to date, and reads its
// identity. Several processes may open a new ledger at once. The caller closes it.
func Open(ctx context.Context, url string) (*Ledger, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return nil, err
	}
	l := &Ledger{url: "sqlite:" + path, clock: time.Now}
	if l.write, l.read, err = openSQLite(path); err != nil {
		return nil, err
	}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", l.url, explain(err)), l.Close())
	}
	return l, nil
}

// OpenExisting is Open for those who only look or act on what is there: a ledger that is not there is an
// error and is not made.
func OpenExisting(ctx context.Context, url string) (*Ledger, error) {
	path, err := sqlitePath(url)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no ledger at sqlite:%s; is --ledger (DATABASE_URL) the worker's?", path)
	}
	return Open(ctx, url)
}

func (l *Ledger) prepare(ctx context.Context) error {
	if err := l.migrate(ctx); err != nil {
		return err
	}
	return l.readIdentity(ctx)
}

// Close closes the ledger.
func (l *Ledger) Close() error { return errors.Join(l.write.Close(), l.read.Close()) }

// URL names the ledger in full, for people.
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
func (l *Ledger) Now() time.Time { return time.UnixMicro(l.now()) }

func (l *Ledger) now() int64 { return l.clock().UnixMicro() }

// migrate runs the embedded migrations. Each is one transaction, so of two processes that start at
// once the slower one fails at a step that is already done, and finds it done when it looks again.
func (l *Ledger) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	const attempts = 40
	for try := 1; ; try++ {
		err = l.migrateOnce(ctx, dir)
		if err == nil || try == attempts || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, jitter(50*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (l *Ledger) migrateOnce(ctx context.Context, dir fs.FS) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, l.write, dir)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
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

// tx is one write transaction and the ledger's time within it.
type tx struct {
	*sql.Tx
	ctx context.Context
	now int64
}

// Observe has every write transaction reported from now on: what it was for, and how long it took, the
// wait for the lock included.
func (l *Ledger) Observe(f func(op string, took time.Duration)) { l.observe.Store(&f) }

// tx runs f in one write transaction, committed when f returns nil.
func (l *Ledger) tx(ctx context.Context, op string, f func(*tx) error) (err error) {
	if observe := l.observe.Load(); observe != nil {
		defer func(start time.Time) { (*observe)(op, time.Since(start)) }(time.Now())
	}
	sqlTx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("ledger: begin transaction: %w", err)
	}
	// The time is read after BEGIN IMMEDIATE has the lock: whatever was written before us was
	// written earlier than now.
	if err := f(&tx{Tx: sqlTx, ctx: ctx, now: l.now()}); err != nil {
		if rollback := sqlTx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
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
	_, err := t.Tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// changed runs a statement and tells how many rows it changed.
func (t *tx) changed(query string, args ...any) (int64, error) {
	result, err := t.Tx.ExecContext(t.ctx, query, args...)
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
	return t.Tx.QueryRowContext(t.ctx, query, args...)
}

// list reads all rows of a query through scan.
func list[T any](ctx context.Context, db querier, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
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
