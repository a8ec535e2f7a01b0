package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// chunk is how many rows one transaction of the ledger takes: enough to be quick, few enough that workers
// get the ledger in between.
const chunk = 1000

// acceptTimeout bounds a transaction that has been begun.
const acceptTimeout = time.Minute

// Options are what an import is told besides its file.
type Options struct {
	Partner        string   // for every row; empty: the file says it
	DefaultPartner string   // for rows that do not say; empty: the only account that the ledger knows
	Only           []string // the accounts that rows may name; nil: any
	Batch          string
	Urgent         bool // every row, whatever its column says
	DryRun         bool // check everything, accept nothing
	Strict         bool // accept nothing if any row is refused
	Actor          string
	Source         string           // the API token that hands the file over; empty: none
	Warn           func(Warning)    // what a person should know of all of the file; may be nil
	Progress       func(line int64) // after each transaction, or part that is checked: how far it has got; may be nil
	Taken          func()           // after each transaction that took rows; may be nil. Alongside has one
	// Refused gets the refused rows, if there are any, once the rest is taken. nil: they go into files beside the
	// input (Source.RejectedPath), and the summary names those.
	Refused func(*Refused) error

	keep refusedLimit // zero: keptRefused
}

// run is an import under way.
type run struct {
	Options
	book    *ledger.Ledger
	trial   *ledger.Trial // what is only checked
	source  *Source
	reader  reader
	sum     Summary
	refused []RefusedRow
	kept    int            // bytes that they take
	tooMany bool           // more were refused than are kept
	others  []string       // batches that hold rows already, in the order in which they were met
	rowsIn  map[string]int // and how many each
	more    map[string]ledger.More
	// What is read and not yet handed to the ledger.
	records   []record
	shipments []shipment.Shipment
}

// ErrLedger says that the ledger could not be read or written. What it had accepted by then stays.
var ErrLedger = errors.New("the ledger did not take the rows")

// ErrInterrupted says that an import was told to stop. What it had accepted by then stays.
var ErrInterrupted = errors.New("interrupted")

// Import takes a file's rows into the ledger, in their order. The summary is true whatever the error: it
// counts what is durable. Cancelling ctx stops between two transactions. ErrAccount means that nothing
// was read.
func Import(ctx context.Context, book *ledger.Ledger, source *Source, o Options) (Summary, error) {
	if o.Warn == nil {
		o.Warn = func(Warning) {}
	}
	if o.keep == (refusedLimit{}) {
		o.keep = keptRefused
	}
	r := &run{Options: o, book: book, trial: book.Trial(), source: source, rowsIn: make(map[string]int), more: make(map[string]ledger.More), sum: Summary{Batch: o.Batch, Rejections: []Rejection{}}}
	known, err := newAccounts(ctx, book, o, source.header.has(shipment.FieldPartner))
	if err != nil {
		return r.sum, err
	}
	if known.blank {
		o.Warn(Warning{Kind: WarnNobodyServes, text: "no worker has announced an account to the ledger " + book.URL() +
			" yet: is this the worker's ledger (DATABASE_URL), and is the partner right? Nothing is shipped until a worker serves it"})
	}
	if names := source.Ignored(); len(names) > 0 {
		o.Warn(Warning{WarnIgnored, names, "columns that are not used: " + list(names)})
	}
	r.reader = reader{header: source.header, accounts: known, batch: o.Batch, urgent: o.Urgent}
	err = r.all(ctx)
	return r.sum, errors.Join(err, r.finish(ctx))
}

func (r *run) all(ctx context.Context) (err error) {
	rows, err := r.source.rows()
	if err != nil {
		return fmt.Errorf("%s: %w", r.source.Name, err)
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	for seen := 0; ; seen++ {
		rec, err := rows.next()
		switch {
		case errors.Is(err, io.EOF):
			r.sayLeftOut(rows)
			if seen == 0 {
				return fmt.Errorf("%s: %w", r.source.Name, faulty("has a header and no rows"))
			}
			return r.flush(ctx, rows.at())
		case err != nil:
			return fmt.Errorf("%s: %w", r.source.Name, err)
		}
		if s, fault := r.reader.shipment(rec); fault == nil {
			r.records, r.shipments = append(r.records, rec), append(r.shipments, s)
		} else {
			r.sum.Rejected++
			r.refuse(rec, s.TradeNo, *fault)
		}
		if r.tooMany {
			return r.wrongFile(rows.at())
		}
		if len(r.records) == chunk && !r.Strict { // all or nothing is one transaction
			if err := r.flush(ctx, rows.at()); err != nil {
				return err
			}
		}
	}
}

// sayLeftOut names what was taken for no row.
func (r *run) sayLeftOut(rows *body) {
	if rows.example {
		r.Warn(Warning{Kind: WarnExample, text: "the template's example row was passed over"})
	}
	if len(rows.footer) > 0 {
		r.Warn(Warning{WarnFooter, rows.said(), "below the table, and no rows: " + list(rows.said())})
	}
}

// flush hands what has been read to the ledger.
func (r *run) flush(ctx context.Context, line int64) error {
	if len(r.records) == 0 {
		return nil
	}
	var answers []ledger.Acceptance
	taken, err := false, ctx.Err()
	if err == nil {
		answers, taken, err = r.take(ctx)
	}
	switch {
	case err != nil && !taken && ctx.Err() != nil:
		return fmt.Errorf("%w: the rows from line %d on were not taken; import the file again, what is in already does no harm",
			ErrInterrupted, r.records[0].line)
	case err != nil:
		return fmt.Errorf("%w up to line %d: %w", ErrLedger, line, err)
	}
	for i, a := range answers {
		r.count(r.records[i], r.shipments[i], a)
	}
	if r.Strict && r.sum.Refused() {
		r.sum.Accepted = 0
	}
	r.records, r.shipments = r.records[:0], r.shipments[:0]
	if r.Progress != nil {
		r.Progress(line)
	}
	if r.Taken != nil && taken {
		r.Taken()
	}
	if r.tooMany {
		return r.wrongFile(line)
	}
	return nil
}

// take has the ledger answer for what has been read, and tells whether it took it, or may have. What is only checked, and what Strict
// refuses, is checked without a transaction: one that takes a whole file keeps workers waiting.
func (r *run) take(ctx context.Context) (answers []ledger.Acceptance, taken bool, err error) {
	if r.DryRun || r.Strict {
		answers, err = r.trial.Accept(ctx, r.shipments)
		refused := r.sum.Rejected > 0 || slices.ContainsFunc(answers, func(a ledger.Acceptance) bool { return a.Verdict == ledger.Conflict })
		if err != nil || r.DryRun || refused {
			return answers, false, err
		}
	}
	// Begun, the transaction is not cut off: whether it was committed would be unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	answers, err = r.book.Accept(ctx, r.shipments, ledger.AcceptOptions{Strict: r.Strict, Actor: r.Actor, Source: r.Source})
	return answers, true, err
}

func (r *run) count(rec record, s shipment.Shipment, a ledger.Acceptance) {
	switch a.Verdict {
	case ledger.Accepted:
		r.sum.Accepted++
		more := r.more[s.Partner]
		if s.Urgent {
			more.Urgent++
		} else {
			more.Rest++
		}
		r.more[s.Partner] = more
	case ledger.Already:
		r.sum.Already++
		r.met(a.Batch)
	case ledger.Conflict:
		r.sum.Conflicts++
		r.refuse(rec, s.TradeNo, contradiction(a.Differences), a.Differences...)
	case ledger.Undecided:
	}
}

// met notes in which other batch a row is already. One that was put into the queue without a batch is in none.
func (r *run) met(batch string) {
	if batch == "" || batch == r.Batch {
		return
	}
	if r.rowsIn[batch]++; r.rowsIn[batch] == 1 {
		r.others = append(r.others, batch)
	}
	r.sum.Elsewhere.Rows++
}

// contradiction names every field that has changed, with both values: seeing one of them, a clerk would correct
// that and be refused for the next.
func contradiction(all []shipment.Difference) shipment.FieldError {
	var said []string
	for i, d := range all {
		text := "%s was %q when this trade was accepted and is %q now"
		if i > 0 {
			text = "%s was %q and is %q"
		}
		said = append(said, fmt.Sprintf(text, d.Field, d.Old, d.New))
	}
	return shipment.FieldError{Field: all[0].Field, Reason: strings.Join(said, ", ") + "; what was accepted first stays"}
}
