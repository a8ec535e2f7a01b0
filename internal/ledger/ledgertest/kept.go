package ledgertest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
)

// Large is the shape that benchmarks of lists fill a ledger with: a million shipments, a hundred thousand of them dead
// letters. FAHUO_BENCH_SHIPMENTS sets another number, to try a benchmark out.
func Large(b testing.TB) Shape {
	b.Helper()
	n := 1_000_000
	if text := os.Getenv("FAHUO_BENCH_SHIPMENTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1000 {
			b.Fatalf("FAHUO_BENCH_SHIPMENTS: %q is no number from 1000 on", text)
		}
	}
	return Shape{Shipments: n, Queued: n / 200, Accounts: 20, Now: time.Now()}
}

// Open opens a ledger of this shape, in SQLite or PostgreSQL. With FAHUO_BENCH_DIR the one in SQLite is kept there
// and taken again the next time; its newest shipment is as old as the file then.
func (s Shape) Open(b testing.TB, engine string) *ledger.Ledger {
	b.Helper()
	url, filled := s.place(b, engine)
	l, err := ledger.Open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	if filled {
		return l
	}
	start := time.Now()
	if err := Fill(b.Context(), url, s); err != nil {
		b.Fatal(err)
	}
	b.Logf("filled in %v", time.Since(start).Round(time.Millisecond))
	return l
}

func (s Shape) place(b testing.TB, engine string) (url string, filled bool) {
	b.Helper()
	if engine == "postgres" {
		return proctest.Postgres(b), false
	}
	dir := os.Getenv("FAHUO_BENCH_DIR")
	if dir == "" {
		return "sqlite:" + filepath.Join(b.TempDir(), "fahuo.db"), false
	}
	path := filepath.Join(dir, fmt.Sprintf("lists-%d.db", s.Shipments))
	_, err := os.Stat(path) //nolint:gosec // whoever runs a benchmark says where
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	return "sqlite:" + path, err == nil
}
