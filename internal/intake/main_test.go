package intake

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partner = "2088000000000001"

// openBook is a new ledger to which a worker has announced the given accounts.
func openBook(t testing.TB, announced ...string) *ledger.Ledger {
	t.Helper()
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	var accounts []ledger.Account
	for i, p := range announced {
		accounts = append(accounts, ledger.Account{Partner: p, Name: "shop " + strconv.Itoa(i+1), Interval: 10 * time.Second})
	}
	if err := book.Announce(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	return book
}

// file writes a file and returns its path.
func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, path string) *Source {
	t.Helper()
	source, err := Open(path, strings.NewReader(""), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return source
}

// imported imports a file and demands that nothing stops it.
func imported(t testing.TB, book *ledger.Ledger, path string, o Options) Summary {
	t.Helper()
	sum, err := importInto(t.Context(), t, book, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func importInto(ctx context.Context, t testing.TB, book *ledger.Ledger, path string, o Options) (Summary, error) {
	t.Helper()
	if o.Batch == "" {
		o.Batch = "test"
	}
	if o.Warn == nil {
		o.Warn = func(m Warning) { t.Log("warning:", m) }
	}
	return Import(ctx, book, open(t, path), o)
}

// trade is the n-th trade number.
func trade(n int) string {
	digits := strconv.Itoa(n)
	return "20261123" + strings.Repeat("0", 20-len(digits)) + digits
}

func get(t testing.TB, book *ledger.Ledger, n int) ledger.Row {
	t.Helper()
	row, err := book.Get(t.Context(), shipment.Key{Partner: partner, TradeNo: trade(n)})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func total(t testing.TB, book *ledger.Ledger) (n int64) {
	t.Helper()
	counts, err := book.Counts(t.Context(), ledger.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		n += c
	}
	return n
}

// many is a CSV of n good rows.
func many(n int) string {
	var b strings.Builder
	b.WriteString("trade_no,logistics_name,invoice_no\n")
	for i := range n {
		b.WriteString(trade(i+1) + ",顺丰速运,SF" + strconv.Itoa(i+1) + "\n")
	}
	return b.String()
}
