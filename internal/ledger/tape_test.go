package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
)

// Tape remembers the queries that a ledger reads by, as they reach the database.
type Tape struct {
	mu      sync.Mutex
	queries []taped
}

type taped struct {
	query string
	args  []any
}

// OpenTaped opens the ledger at url with a tape of what it reads outside of write transactions.
func OpenTaped(t *testing.T, url string) (*Ledger, *Tape) {
	t.Helper()
	l, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	tape := &Tape{}
	var under driver.Connector
	if isPostgres(url) {
		config, err := parsePostgres(url)
		if err != nil {
			t.Fatal(err)
		}
		under = stdlib.GetConnector(*config)
	} else {
		path, err := sqlitePath(url)
		if err != nil {
			t.Fatal(err)
		}
		under = bySource{l.read.Driver(), sqliteDSN(path, 0)}
	}
	copied := &Ledger{url: l.url, dialect: l.dialect, identity: l.identity, write: l.write, read: sql.OpenDB(&taping{under, tape})}
	t.Cleanup(func() {
		if err := errors.Join(copied.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	return copied, tape
}

// Take empties the tape.
func (p *Tape) Take() []taped {
	p.mu.Lock()
	defer p.mu.Unlock()
	queries := p.queries
	p.queries = nil
	return queries
}

type bySource struct {
	driver driver.Driver
	source string
}

func (c bySource) Driver() driver.Driver                        { return c.driver }
func (c bySource) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.source) }

type taping struct {
	driver.Connector
	tape *Tape
}

func (c *taping) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	return &tapingConn{conn, c.tape}, err
}

type tapingConn struct {
	driver.Conn
	tape *Tape
}

func (c *tapingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	q := taped{query: query}
	for _, a := range args {
		q.args = append(q.args, a.Value)
	}
	c.tape.mu.Lock()
	c.tape.queries = append(c.tape.queries, q)
	c.tape.mu.Unlock()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args) //nolint:forcetypeassert // both drivers' do
}

// WalksThrough tells how a database would answer queries by walking through all of shipments, calls or history; it
// is nil when it would not. What is dead, is being called or stands in the audit trail may be walked through.
// Before they are explained, the index named without is taken away, for nobody else.
func WalksThrough(ctx context.Context, l *Ledger, queries []taped, without string) (walks []string, err error) {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if without != "" {
		if _, err := tx.ExecContext(ctx, "DROP INDEX "+without); err != nil {
			return nil, err
		}
	}
	explain := walksSQLite
	if l.dialect.dollars {
		explain = walksPostgres
	}
	for _, q := range queries {
		more, err := explain(ctx, tx, q)
		if err != nil {
			return nil, err
		}
		for _, walk := range more {
			walks = append(walks, walk+": "+q.query)
		}
	}
	return walks, nil
}

var mayBeWalked = []string{"shipments_dead", "shipments_causes", "shipments_calling", "history_audit"}

var scanned = regexp.MustCompile(`^SCAN (shipments|calls|history|s|q)\b(?:.* INDEX (\w+))?`)

func walksSQLite(ctx context.Context, tx *sql.Tx, q taped) (walks []string, err error) {
	rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+q.query, q.args...)
	if err != nil {
		if strings.Contains(err.Error(), "no such index") { // a query that names it
			return []string{err.Error()}, nil
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int64
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		if m := scanned.FindStringSubmatch(detail); m != nil && !slices.Contains(mayBeWalked, m[2]) {
			walks = append(walks, detail)
		}
	}
	return walks, rows.Err()
}

// plan is a node of PostgreSQL's plan.
type plan struct {
	Node     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []plan `json:"Plans"`
}

// leadingColumns are what the indexes of the large tables are in the order of.
func leadingColumns(ctx context.Context, tx *sql.Tx) (leads map[string]string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.relname, pg_get_indexdef(i.indexrelid, 1, true) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid IN ('shipments'::regclass, 'calls'::regclass, 'history'::regclass)`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	leads = make(map[string]string)
	for rows.Next() {
		var index, column string
		if err := rows.Scan(&index, &column); err != nil {
			return nil, err
		}
		leads[index] = column
	}
	return leads, rows.Err()
}

func walksPostgres(ctx context.Context, tx *sql.Tx, q taped) ([]string, error) {
	if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
		return nil, err
	}
	var text string
	if err := tx.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) "+q.query, q.args...).Scan(&text); err != nil {
		return nil, err
	}
	var top []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text), &top); err != nil {
		return nil, err
	}
	leads, err := leadingColumns(ctx, tx)
	if err != nil {
		return nil, err
	}
	var walks []string
	var look func(plan)
	look = func(p plan) {
		large := slices.Contains([]string{"shipments", "calls", "history"}, p.Relation) && p.Node == "Seq Scan"
		// A condition on what does not come first in an index is looked at in every entry.
		lead, ours := leads[p.Index]
		whole := ours && !strings.Contains(p.Cond, lead) && !slices.Contains(mayBeWalked, p.Index)
		if large || whole {
			walks = append(walks, fmt.Sprintf("%s on %s by %s, %s", p.Node, p.Relation, p.Index, p.Cond))
		}
		for _, below := range p.Plans {
			look(below)
		}
	}
	for _, p := range top {
		look(p.Plan)
	}
	return walks, nil
}
