// Package ledgertest fills ledgers for tests and benchmarks: with as many shipments as a large merchant has after
// some months, in a few statements. What it writes is consistent as far as lists and counts look at it; no worker
// could have done it.
package ledgertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// Shape is what a ledger is filled with.
type Shape struct {
	Shipments int
	Dead      int // one in so many of them is a dead letter, but for Queued; 0: one in ten
	Queued    int // the newest
	Accounts  int
	Now       time.Time // when the newest was accepted; one a minute before
	Uncounted bool      // the database has not counted yet what it holds, and plans by rules of thumb
}

// Partner is the n-th account, from 0.
func Partner(n int) string { return fmt.Sprintf("20889%011d", n+1) }

// TradeNo is the trade number of the n-th shipment, from 1.
func TradeNo(n int) string { return fmt.Sprintf("20260101220014%014d", n) }

func (s Shape) every() int {
	if s.Dead == 0 {
		return 10
	}
	return s.Dead
}

// death is how dead letters came to be: what their ship call was taken for (nothing: there was none) and what a query
// has found (nothing: none was answered).
type death struct{ reason, code, verdict, status, found string }

var deaths = []death{
	{"trade_status_not_available", "TRADE_STATUS_NOT_AVAILD", "out_of_step", "WAIT_SELLER_SEND_GOODS", "waiting"},
	{"trade_not_exist", "TRADE_NOT_EXIST", "", "", "not_exist"},
	{"not_shippable", "", "", "TRADE_CLOSED", "not_shippable"},
	{"already_shipped", "", "", "WAIT_BUYER_CONFIRM_GOODS", "shipped"},
	{"illegal_argument", "ILLEGAL_ARGUMENT", "shipment_fault", "", ""},
	{"retries_exhausted", "RETRY", "busy", "WAIT_SELLER_SEND_GOODS", "waiting"},
	{"outcome_unknown", "SYSTEM_ERROR", "busy", "", ""},
	{"unknown_code", "STRANGE_CODE", "unlisted_code", "WAIT_SELLER_SEND_GOODS", "waiting"},
}

// pick is a part of the death of the i-th shipment.
func pick(part func(death) string) string {
	text := fmt.Sprintf("CASE (i / EVERY) %% %d", len(deaths))
	for i, d := range deaths {
		text += fmt.Sprintf(" WHEN %d THEN '%s'", i, part(d))
	}
	return text + " END"
}

// verdict is what a ship call was taken for, by its code.
func verdict() string {
	text := "CASE error_code WHEN '' THEN 'succeeded'"
	for _, d := range deaths {
		if d.verdict != "" {
			text += fmt.Sprintf(" WHEN '%s' THEN '%s'", d.code, d.verdict)
		}
	}
	return text + " END"
}

// numbers are the shipments, as a table n(i), with what depends on i.
const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`

// Fill fills the ledger at url, which has to be there and empty.
func Fill(ctx context.Context, url string, s Shape) (err error) {
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range s.statements(driver == "pgx") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w in %s", err, statement)
		}
	}
	return nil
}

func (s Shape) statements(postgres bool) []string {
	n := fmt.Sprintf(numbers, s.Shipments)
	padded := func(expression string, width int) string {
		if postgres {
			return fmt.Sprintf("lpad(CAST(%s AS TEXT), %d, '0')", expression, width)
		}
		return fmt.Sprintf("printf('%%0%dd', %s)", width, expression)
	}
	const minute = 60_000_000
	queued := s.Shipments - s.Queued
	start := s.Now.UnixMicro() - int64(s.Shipments)*minute
	accepted := fmt.Sprintf("%d + CAST(i AS BIGINT) * %d", start, minute)
	state := fmt.Sprintf("CASE WHEN i > %d THEN 'queued' WHEN i %% %d = 0 THEN 'dead' WHEN i %% 97 = 0 THEN 'closed' ELSE 'shipped' END", queued, s.every())
	partner := "'20889' || " + padded(fmt.Sprintf("i %% %d + 1", s.Accounts), 11)
	dead := func(then, otherwise string) string {
		return fmt.Sprintf("CASE WHEN i <= %d AND i %% %d = 0 THEN %s ELSE %s END", queued, s.every(), then, otherwise)
	}
	reason, code := pick(func(d death) string { return d.reason }), pick(func(d death) string { return d.code })
	status, finding := pick(func(d death) string { return d.status }), pick(func(d death) string { return d.found })
	attempts := fmt.Sprintf("CASE WHEN i > %d OR (%s) IN ('', 'closed') THEN 0 ELSE 1 END", queued,
		dead(pick(func(d death) string { return d.verdict }), state))
	all := []string{
		`DELETE FROM accounts`,
		fmt.Sprintf(`INSERT INTO accounts (partner, name, interval_us, announced_at) %s SELECT '20889' || %s, 'Shop ' || i, 10000000, %d FROM n`,
			fmt.Sprintf(numbers, s.Accounts), padded("i", 11), s.Now.UnixMicro()),
		fmt.Sprintf(`INSERT INTO shipments (partner, trade_no, logistics_name, invoice_no, transport_type, order_ref, batch, accepted_at, changed_at,
			state, version, attempt, sent_attempts, reason, error_code, trade_status, found, found_at, feed, dead_task, settled_at, assignee, barred)
			%[1]s SELECT %[2]s, '20260101220014' || %[3]s, '顺丰速运', 'SF' || %[4]s, 'EXPRESS', 'ORD-' || %[5]s, 'batch-' || %[6]s, %[7]s, %[7]s,
			%[8]s, 2, %[9]s, %[9]s, %[10]s, %[11]s, %[12]s, %[13]s, %[14]s, 0, %[15]s, CASE WHEN i > %[16]d THEN 0 ELSE %[7]s END, %[17]s, %[18]s FROM n`,
			n, partner, padded("i", 14), padded("i", 10), padded("i", 9), padded("i / 5000", 5), accepted, state,
			attempts, dead(reason, "''"), dead(code, "''"), dead(status, "''"),
			dead(finding, "''"), dead(accepted, "0"), dead("1", "0"), queued, dead("CASE WHEN i % 30 = 0 THEN 'wang' ELSE '' END", "''"),
			dead("CASE WHEN (i / EVERY) % 8 = 0 THEN 1 ELSE 0 END", "0")),
		`INSERT INTO batches (name, first_at, total) SELECT batch, MIN(accepted_at), COUNT(*) FROM shipments GROUP BY batch`,
		`INSERT INTO history (at, partner, trade_no, actor, act, from_state, to_state, version, detail)
			SELECT settled_at, partner, trade_no, 'worker-1', 'died', 'queued', 'dead', 2, CASE error_code WHEN '' THEN trade_status ELSE 'Alipay: ' || error_code END
			FROM shipments WHERE state = 'dead'`,
		`INSERT INTO calls (partner, trade_no, service, worker, attempt, begun_at, finished_at, params, verdict, http_status, code, trade_status, verified, answer, duration_us)
			SELECT partner, trade_no, 'single_trade_query', 'worker-1', 0, settled_at - 150000, settled_at, '{}',
			CASE found WHEN 'not_exist' THEN 'shipment_fault' ELSE 'succeeded' END, 200, CASE found WHEN 'not_exist' THEN error_code ELSE '' END, trade_status,
			CASE found WHEN 'not_exist' THEN 0 ELSE 1 END, '<alipay/>', 150000 FROM shipments WHERE state = 'dead' AND found <> ''`,
		fmt.Sprintf(`INSERT INTO calls (partner, trade_no, service, worker, attempt, begun_at, finished_at, params, verdict, http_status, code, verified, answer, duration_us)
			SELECT partner, trade_no, 'send_goods_confirm_by_platform', 'worker-1', 1, settled_at - 400000, settled_at - 250000, '{}',
			%s, 200, error_code, CASE state WHEN 'shipped' THEN 1 ELSE 0 END, '<alipay/>', 150000
			FROM shipments WHERE settled_at > %d AND attempt > 0`, verdict(), s.Now.Add(-7*24*time.Hour).UnixMicro()),
	}
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "EVERY", strconv.Itoa(s.every()))
	}
	if s.Uncounted {
		return all
	}
	if postgres {
		return append(all, "VACUUM ANALYZE")
	}
	return append(all, "ANALYZE")
}
