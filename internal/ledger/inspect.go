package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// Facts are what a person who sets a ledger up may want to know of it.
type Facts struct {
	Database  string // "SQLite" or "PostgreSQL"
	Version   string // of the database
	File      string // SQLite: the absolute path; empty: it is on a server
	Size      int64  // bytes, with what is not yet folded into the file
	Durable   bool   // what is committed survives a crash of the database
	Unsafe    string // the setting that makes it not durable, for people; empty when it is
	Supported bool   // the version is one that this program was made for
	Commit    time.Duration
	Slowest   time.Duration // of the commits that Commit is the middle of
}

// commits is how many commits Inspect measures.
const commits = 5

// Inspect looks at the database and measures how long it takes until a small change is on disk. The change is a line
// in the ledger's own table and of no consequence.
func (l *Ledger) Inspect(ctx context.Context) (Facts, error) {
	limited, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	f, err := l.dialect.inspect(limited, l.read)
	if err != nil {
		return f, fmt.Errorf("ledger: %w", l.dialect.explain(err))
	}
	took := make([]time.Duration, commits)
	for i := range took {
		start := time.Now()
		err := l.tx(ctx, "inspect", func(t *tx) error {
			return t.exec(`INSERT INTO ledger (name, value) VALUES ('inspected', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
				strconv.FormatInt(t.now, 10))
		})
		if err != nil {
			return f, err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	f.Commit, f.Slowest = took[commits/2], took[commits-1]
	return f, nil
}

func inspectSQLite(path string) func(context.Context, *sql.DB) (Facts, error) {
	return func(ctx context.Context, db *sql.DB) (Facts, error) {
		f := Facts{Database: "SQLite", File: path, Durable: true, Supported: true} // the driver brings the database
		if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&f.Version); err != nil {
			return f, err
		}
		for _, name := range []string{path, path + "-wal"} {
			info, err := os.Stat(name)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return f, err
			}
			f.Size += info.Size()
		}
		return f, nil
	}
}

// oldestPostgres is the first version that the tests have run on, as the server counts.
const oldestPostgres = 130000

func inspectPostgres(ctx context.Context, db *sql.DB) (Facts, error) {
	f := Facts{Database: "PostgreSQL"}
	var number int
	var commit, fsync string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS INTEGER),
		pg_database_size(current_database()), current_setting('synchronous_commit'), current_setting('fsync')`).
		Scan(&f.Version, &number, &f.Size, &commit, &fsync)
	f.Supported = number >= oldestPostgres
	switch {
	case commit == "off":
		f.Unsafe = "synchronous_commit=off"
	case fsync == "off":
		f.Unsafe = "fsync=off"
	}
	f.Durable = f.Unsafe == ""
	return f, err
}

// LastCall is when the latest call of an account's was begun that a service answered with a verdict; the zero time when
// there is none in the time given.
func (l *Ledger) LastCall(ctx context.Context, partner, service, verdict string, within time.Duration) (time.Time, error) {
	now, err := l.now(ctx)
	if err != nil {
		return time.Time{}, err
	}
	us, err := first(ctx, l, scanCount, `SELECT COALESCE((SELECT begun_at FROM calls WHERE partner = ? AND service = ? AND begun_at > ?
		AND verdict = ? ORDER BY begun_at DESC LIMIT 1), 0)`, partner, service, now-within.Microseconds(), verdict)
	return at(us), err
}
