package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between the databases. Queries are written once, with ? for parameters, in the
// SQL that all of them understand.
type dialect struct {
	goose    goose.Dialect
	autoID   string         // the type of a number that the database counts up itself
	options  *sql.TxOptions // of write transactions
	dollars  bool           // parameters are $1, $2, …
	bytewise string         // the collation of an index that is searched for beginnings
	like     string         // LIKE that takes upper and lower case for the same
	// anyCase looks for a text anywhere in a column that is to be put in, upper and lower case of ASCII for the same: the
	// condition and its parameter.
	anyCase   func(text string) (condition, arg string)
	position  string // the function that tells where a text stands in another, from 1; 0: nowhere
	indexedBy string // what names the index to read by, for a planner that would take a worse one; empty: cannot be said

	// now reads the ledger's one clock, in microseconds since 1970.
	now func(ctx context.Context, db rowQuerier) (int64, error)
	// nowColumn reads the same clock in the select list of a query; "0" stands for the host's.
	nowColumn string
	// inTheWay tells whether an error means that nothing was done because of another transaction.
	inTheWay func(error) bool
	// patience is how long a transaction that had another in its way waits at most before it tries again.
	patience time.Duration
	// explain says what a person can do about the commonest complaints.
	explain func(error) error
	// exists tells whether there is a ledger.
	exists func(ctx context.Context, db *sql.DB) (bool, error)
	// inspect tells the database's own facts.
	inspect func(ctx context.Context, db *sql.DB) (Facts, error)
	// migrating keeps two processes from bringing the ledger up to date at once.
	migrating func() ([]migrationOption, error)
}

type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// bound remembers queries whose parameters have been numbered.
var bound sync.Map

// bind writes a query's parameters as the database wants them. A ? inside of a text is not foreseen: texts
// are parameters.
func (d dialect) bind(query string) string {
	if !d.dollars {
		return query
	}
	if known, ok := bound.Load(query); ok {
		return known.(string) //nolint:forcetypeassert // only strings are put there
	}
	var out strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			out.WriteString("$" + strconv.Itoa(n))
		}
		out.WriteString(part)
		n++
	}
	bound.Store(query, out.String())
	return out.String()
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// containing is the condition that a text stands anywhere in one of a shipment's numbers, upper and lower case of ASCII
// for the same, and its parameters. What has no such letter is looked for byte by byte, which takes a fraction of the time.
func (d dialect) containing(text string) (condition string, args []any) {
	text = printable(text)
	each := d.position + "(%s, ?) > 0"
	if strings.ContainsAny(text, letters) {
		each, text = d.anyCase(text)
	}
	var parts []string
	for _, column := range []string{"trade_no", "order_ref", "invoice_no"} {
		parts = append(parts, fmt.Sprintf(each, column))
		args = append(args, text)
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

// smallASCII makes the upper case letters of ASCII small ones, as both databases do.
func smallASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// by names the index that a query is to read by, after the table's name.
func (d dialect) by(index string) string {
	if d.indexedBy == "" {
		return ""
	}
	return d.indexedBy + index
}
