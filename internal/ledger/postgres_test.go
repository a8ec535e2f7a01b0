package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// raw is a connection to a ledger's database, for being in its way.
func raw(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Somebody else changes the row between the transaction's snapshot and its write: it is run again, on what is
// there then.
func TestPostgresRepeatsWhatWasInTheWay(t *testing.T) {
	url := proctest.Postgres(t)
	l := open(t, url)
	announce(t, l)
	db := raw(t, url)
	other, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "UPDATE accounts SET name = 'theirs' WHERE partner = $1", partner); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := l.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "op")
		done <- err
	}()
	blocked(t, db)
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if a := account(t, l); a.Hold == nil || a.Name != "theirs" {
		t.Errorf("one of the two was lost: %+v", a)
	}
}

// blocked waits until some session waits for a lock.
func blocked(t *testing.T, db *sql.DB) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	ticker := time.NewTicker(5 * time.Millisecond) // another process gives no signal
	defer ticker.Stop()
	for {
		var n int
		err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").Scan(&n)
		switch {
		case err != nil:
			t.Fatal(err)
		case n > 0:
			return
		}
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatal("nobody waits for a lock")
		}
	}
}

// Two transactions that each hold what the other wants: one is rolled back by the server and run again.
func TestPostgresDeadlocksAreRepeated(t *testing.T) {
	url := proctest.Postgres(t)
	l := open(t, url)
	accept(t, l, parcel(1), parcel(2))
	one, two := get(t, l, parcel(1)), get(t, l, parcel(2))
	var wg sync.WaitGroup
	for _, rows := range [][]ledger.Row{{one, two}, {two, one}} {
		wg.Go(func() {
			for range 200 {
				if err := l.Fed(t.Context(), rows); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A session that is idle in the middle of a transaction, because its process was stopped there, loses its
// locks: others need not wait for it to wake up.
func TestPostgresSettingsOfASession(t *testing.T) {
	url := proctest.Postgres(t)
	l := open(t, url)
	got := make(map[string]string)
	for _, name := range []string{"idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout", "synchronous_commit"} {
		value, err := ledger.Setting(t.Context(), l, name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = value
	}
	if got["idle_in_transaction_session_timeout"] != "5s" || got["synchronous_commit"] != "on" || got["statement_timeout"] != "50s" || got["lock_timeout"] != "20s" {
		t.Errorf("%v", got)
	}
}

func TestPostgresTimeIsTheServers(t *testing.T) {
	url := proctest.Postgres(t)
	l := open(t, url)
	var before, after time.Time
	db := raw(t, url)
	clock := func(at *time.Time) {
		if err := db.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(at); err != nil {
			t.Fatal(err)
		}
	}
	clock(&before)
	got := now(t, l)
	clock(&after)
	if got.Before(before.Truncate(time.Microsecond)) || got.After(after) {
		t.Errorf("%v is not between %v and %v", got, before, after)
	}
}

func TestPostgresAddresses(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:geheim@localhost:x/db":                "the address cannot be used",
		"postgres://u:geheim@localhost/?sslmode=perhaps":    "the address cannot be used",
		"postgres://u:geheim@127.0.0.1:5432/?sslmode=allow": "names no database",
		"postgres://u:ge heim@127.0.0.1/db":                 "the address cannot be used",
	} {
		err := ledger.Check(url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("the password is in: %v", err)
		}
	}
	for _, good := range []string{"postgres://u:p@db.example.com:5432/fahuo?sslmode=verify-full", "postgresql://u@h/db"} {
		if err := ledger.Check(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	away, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	url := "postgres://u:geheim@" + proctest.Deserted(t) + "/db"
	if _, err := ledger.OpenExisting(away, url); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("%v", err)
	}
}

// What a person can do is said first, the cause after it, on one line, without the password.
func TestPostgresErrorsSayWhatToDo(t *testing.T) {
	away := proctest.Deserted(t)
	there := strings.Replace(proctest.Postgres(t), "fahuo@", "fahuo:geheim@", 1)
	missing := there[:strings.LastIndex(there, "/")] + "/not_there?sslmode=disable"
	for url, want := range map[string]string{
		"postgres://u:geheim@" + away + "/db": "the database does not answer at " + away + "; is it running, is the address right? (",
		missing:                               "there is no such database; make it with: createdb -O fahuo not_there (",
	} {
		for name, opens := range map[string]func(context.Context, string) (*ledger.Ledger, error){"Open": ledger.Open, "OpenExisting": ledger.OpenExisting} {
			_, err := opens(t.Context(), url)
			if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: got %q, want %q", name, err, want)
			}
		}
	}
}

func TestOpenExisting(t *testing.T) {
	url := proctest.Postgres(t)
	if _, err := ledger.OpenExisting(t.Context(), url); err == nil || !strings.Contains(err.Error(), "there is no ledger at") {
		t.Errorf("%v", err)
	}
	open(t, url)
	l, err := ledger.OpenExisting(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Get(t.Context(), shipment.Key{Partner: partner, TradeNo: "1"}); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
