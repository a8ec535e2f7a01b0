package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ErrInjected is what a statement that was told to fail answers.
var ErrInjected = errors.New("injected")

// Fuse makes the n-th statement of a ledger fail, counted from when it is set. A commit may also fail after it
// was done.
type Fuse struct {
	mu    sync.Mutex
	left  int
	Blown bool
	Done  bool // a commit that fails has been done all the same
}

// Set lets the n-th statement from now on fail; 0: none.
func (f *Fuse) Set(n int, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.Blown, f.Done = n, false, done
}

func (f *Fuse) blow() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left--
	f.Blown = f.Blown || f.left == 0
	return f.left == 0
}

// newLedger is the file of a new SQLite ledger. Making one takes longer than most of what is done to it.
var newLedger = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "fahuo-ledger-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "fahuo.db")
	l, err := Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// OpenFaulty opens a new SQLite ledger whose statements fail when the fuse says so.
func OpenFaulty(t *testing.T) (*Ledger, *Fuse) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fahuo.db")
	file, err := newLedger()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	fuse := &Fuse{}
	dial := func(options string) *sql.DB {
		return sql.OpenDB(&faulty{l.write.Driver(), sqliteDSN(path, 0) + options, fuse})
	}
	broken := &Ledger{url: l.url, dialect: l.dialect, identity: l.identity, write: dial("&_txlock=immediate"), read: dial("")}
	broken.write.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), broken.Close()); err != nil {
			t.Error(err)
		}
	})
	return broken, fuse
}

// Dump is everything that a ledger holds, as text, times left out.
func Dump(t *testing.T, l *Ledger) string {
	t.Helper()
	var out strings.Builder
	const done = "(SELECT id FROM bulks WHERE state <> 'preview')" // what is only shown binds nobody
	for _, table := range []string{
		"ledger", "accounts", "shipments", "calls", "history", "batches", "questions", "workers", "sessions",
		"events", "endpoints", "deliveries", "notifications",
		"bulks WHERE id IN " + done, "bulk_items WHERE bulk IN " + done,
	} {
		if err := dumpTable(t.Context(), l, table, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func dumpTable(ctx context.Context, l *Ledger, table string, out *strings.Builder) (err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT * FROM `+table+` ORDER BY 1`) //nolint:gosec // our own tables
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		for i, v := range values {
			fmt.Fprintf(out, "%s=%v ", columns[i], *v.(*any)) //nolint:forcetypeassert // made above
		}
		out.WriteString("\n")
	}
	return rows.Err()
}

// faulty is a driver's connector with a fuse.
type faulty struct {
	driver driver.Driver
	dsn    string
	fuse   *Fuse
}

func (f *faulty) Driver() driver.Driver { return f.driver }

func (f *faulty) Connect(context.Context) (driver.Conn, error) {
	conn, err := f.driver.Open(f.dsn)
	return &faultyConn{conn, f.fuse}, err
}

type faultyConn struct {
	driver.Conn
	fuse *Fuse
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.fuse.blow() {
		return nil, ErrInjected
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o) //nolint:forcetypeassert // SQLite's does
	return &faultyTx{tx, c.fuse}, err
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.fuse.blow() {
		return nil, ErrInjected
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args) //nolint:forcetypeassert // SQLite's does
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.fuse.blow() {
		return nil, ErrInjected
	}
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args) //nolint:forcetypeassert // SQLite's does
	if err != nil {
		return nil, err
	}
	return &faultyRows{rows, c.fuse}, nil
}

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.fuse.blow() {
		return nil, ErrInjected
	}
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query) //nolint:forcetypeassert // SQLite's does
}

// faultyRows may break off while they are read.
type faultyRows struct {
	driver.Rows
	fuse *Fuse
}

func (r *faultyRows) Next(dest []driver.Value) error {
	if err := r.Rows.Next(dest); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return err
	}
	if r.fuse.blow() {
		return ErrInjected
	}
	return nil
}

type faultyTx struct {
	driver.Tx
	fuse *Fuse
}

func (t *faultyTx) Commit() error {
	if !t.fuse.blow() {
		return t.Tx.Commit()
	}
	if t.fuse.Done {
		return errors.Join(t.Tx.Commit(), ErrInjected)
	}
	return errors.Join(t.Tx.Rollback(), ErrInjected)
}

// Named tells whether an error is one of those on which callers decide.
func Named(err error) bool {
	return slices.ContainsFunc([]error{ErrStale, ErrNotFound, ErrSlotClosed, ErrHeld}, func(named error) bool { return errors.Is(err, named) })
}
