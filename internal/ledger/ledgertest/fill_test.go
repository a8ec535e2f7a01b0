package ledgertest_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
)

// Calls, shipments and their codes tell one story each: whoever looks at a page of a filled ledger is not misled.
func TestStoriesAgree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fahuo.db")
	book, err := ledger.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	if err := ledgertest.Fill(t.Context(), "sqlite:"+path, ledgertest.Shape{Shipments: 2000, Queued: 50, Accounts: 3, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for what, query := range map[string]string{
		"ship calls of what was never called": `SELECT COUNT(*) FROM calls c JOIN shipments s USING (partner, trade_no)
			WHERE c.service = 'send_goods_confirm_by_platform' AND (s.attempt = 0 OR s.state IN ('queued', 'closed'))`,
		"shipments that were called without a call": `SELECT COUNT(*) FROM shipments s WHERE attempt > 0 AND NOT EXISTS
			(SELECT 1 FROM calls c WHERE c.partner = s.partner AND c.trade_no = s.trade_no AND c.service = 'send_goods_confirm_by_platform')`,
		"shipped and never called":          `SELECT COUNT(*) FROM shipments WHERE state = 'shipped' AND attempt = 0`,
		"queries that found something else": `SELECT COUNT(*) FROM calls c JOIN shipments s USING (partner, trade_no) WHERE c.service = 'single_trade_query' AND c.trade_status <> s.trade_status`,
		"findings without a query": `SELECT COUNT(*) FROM shipments s WHERE found <> '' AND NOT EXISTS
			(SELECT 1 FROM calls c WHERE c.partner = s.partner AND c.trade_no = s.trade_no AND c.service = 'single_trade_query')`,
	} {
		var n int
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d %s (%v)", n, what, err)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT DISTINCT verdict, code FROM calls WHERE code <> ''`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		var verdict, code string
		if err := rows.Scan(&verdict, &code); err != nil {
			t.Fatal(err)
		}
		if want := alipay.Classify(code).String(); verdict != want {
			t.Errorf("%s is taken for %s, not %s", code, verdict, want)
		}
	}
	if err := rows.Err(); err != nil || n < 5 {
		t.Errorf("%d kinds of refusal (%v)", n, err)
	}
}
