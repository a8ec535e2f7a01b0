package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // the driver "sqlite": pure Go, so the binaries stay static
	sqlite3 "modernc.org/sqlite/lib"
)

// sqlitePath takes the absolute path out of "sqlite:PATH".
func sqlitePath(raw string) (string, error) {
	path, ok := strings.CutPrefix(raw, "sqlite:")
	switch {
	case !ok || strings.TrimSpace(path) == "":
		return "", fmt.Errorf("ledger %q is neither sqlite:PATH, for example sqlite:fahuo.db, nor postgres://…", raw)
	case strings.ContainsAny(path, "?#"):
		return "", fmt.Errorf("ledger %q: ? and # are not allowed in the path", raw)
	}
	return filepath.Abs(path)
}

func checkDir(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("ledger sqlite:%s: this is a directory, not a file", path)
	}
	info, err := os.Stat(filepath.Dir(path))
	switch {
	case err != nil:
		return fmt.Errorf("ledger sqlite:%s: the directory is not there: %w", path, err)
	case !info.IsDir():
		return fmt.Errorf("ledger sqlite:%s: %s is not a directory", path, filepath.Dir(path))
	}
	return nil
}

// ErrNoLedger says that the file is something else.
var ErrNoLedger = errors.New("the file is not a ledger")

// explainSQLite says what a person can do about SQLite's commonest complaints.
func explainSQLite(err error) error {
	var inSQLite *sqlite.Error
	if !errors.As(err, &inSQLite) {
		return err
	}
	switch inSQLite.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return ErrNoLedger
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fmt.Errorf("this user (uid %d) may not read and write the file and its directory; run it as the worker's user: %w", os.Getuid(), err)
	}
	return err
}

// connectSQLite opens the file twice: one connection that writes, with every transaction taking the write
// lock at its start so that a read in it cannot go stale (writers of one process queue in Go, not on the
// file's lock), and a few that only read.
//
// The one that writes does not wait for another process's lock within SQLite: that looks only every 100 ms
// after a while, and gives up after its time, so beside a process that takes the lock again at once it may
// never find it free. Ledger.tx looks every 1 to 2 ms instead.
func connectSQLite(raw string) (*Ledger, error) {
	path, err := sqlitePath(raw)
	if err != nil {
		return nil, err
	}
	if err := checkDir(path); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, 0)+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(path, 10*time.Second)+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	return &Ledger{url: "sqlite:" + path, dialect: sqliteDialect(path), write: write, read: read}, nil
}

func sqliteDSN(path string, busy time.Duration) string {
	pragmas := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode()
}

func sqliteDialect(path string) dialect {
	return dialect{
		goose: goose.DialectSQLite3, autoID: "INTEGER PRIMARY KEY AUTOINCREMENT", like: "LIKE",
		anyCase:  func(text string) (string, string) { return "%s LIKE ? ESCAPE '!'", "%" + literally(text) + "%" },
		position: "instr", indexedBy: " INDEXED BY ",
		// The host's clock.
		now:       func(context.Context, rowQuerier) (int64, error) { return time.Now().UnixMicro(), nil },
		nowColumn: "0",
		inTheWay:  inTheWaySQLite, patience: time.Millisecond,
		explain: explainSQLite,
		exists: func(context.Context, *sql.DB) (bool, error) {
			_, err := os.Stat(path)
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return err == nil, err
		},
		inspect:   inspectSQLite(path),
		migrating: func() ([]migrationOption, error) { return nil, nil },
	}
}

// inTheWaySQLite: another process has the lock, and nothing was done.
func inTheWaySQLite(err error) bool {
	var inSQLite *sqlite.Error
	return errors.As(err, &inSQLite) && inSQLite.Code()&0xff == sqlite3.SQLITE_BUSY
}
