package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite" // the driver "sqlite": pure Go, so the binaries stay static
	sqlite3 "modernc.org/sqlite/lib"
)

// sqlitePath takes the absolute path out of "sqlite:PATH".
func sqlitePath(raw string) (string, error) {
	path, ok := strings.CutPrefix(raw, "sqlite:")
	switch {
	case strings.HasPrefix(raw, "postgres://"), strings.HasPrefix(raw, "postgresql://"):
		return "", errors.New("a PostgreSQL ledger is not supported by this version; use sqlite:PATH")
	case !ok || strings.TrimSpace(path) == "":
		return "", fmt.Errorf("ledger %q is not sqlite:PATH, for example sqlite:fahuo.db", raw)
	case strings.ContainsAny(path, "?#"):
		return "", fmt.Errorf("ledger %q: ? and # are not allowed in the path", raw)
	}
	return filepath.Abs(path)
}

// Check tells whether a ledger could be at url, without opening it: no waiting mends a wrong address or a
// directory that is not there.
func Check(url string) error {
	path, err := sqlitePath(url)
	if err != nil {
		return err
	}
	return checkDir(path)
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

// explain says what a person can do about SQLite's commonest complaints.
func explain(err error) error {
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

// openSQLite opens the file twice: one connection that writes, with every transaction taking the
// write lock at its start so that a read in it cannot go stale, and a few that only read.
func openSQLite(path string) (write, read *sql.DB, err error) {
	if err := checkDir(path); err != nil {
		return nil, nil, err
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	write, err = sql.Open("sqlite", dsn+pragmas.Encode()+"&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	read, err = sql.Open("sqlite", dsn+pragmas.Encode()+"&_pragma=query_only(1)")
	if err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	return write, read, nil
}
