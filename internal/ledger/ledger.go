package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors on which callers decide.
var (
	ErrNotFound   = errors.New("not in the ledger") // told with what it is that is not there
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

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
