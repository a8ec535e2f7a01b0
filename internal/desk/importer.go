package desk

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// importer is all that the desk wants of internal/intake, which nothing else here knows: rows go into the ledger, and
// the worker takes them from there.
type importer interface {
	// read reads a file that is kept here, to its end. dry only tells what would become of its rows; otherwise the good
	// ones are durable when it returns, and what the ledger had already is left as it is, so that it may be done again.
	// What is counted is true whatever the error: *choice when a person has to choose, *unreadable when the file is
	// no good, anything else when the ledger is away or the context has ended.
	read(ctx context.Context, f file, dry bool) (tally, error)
}

// file is one that is to be read, and what a person has said about it.
type file struct {
	Path    string
	Sheet   string // of a workbook; empty: the only one with a header
	Account string // of every row; empty: the file says it
	Batch   string
	Urgent  bool
	Actor   string

	// Refused gets the rows that are not taken, as they are to be handed back: the header first. say is a row's reason.
	Refused func(cells []string) error
	Say     func(refusal) string
}

// tally is what became of a file's rows, or would become.
type tally struct {
	Accepted, Already, Conflicts, Rejected int64
	ETA                                    time.Time // when the last of them will have been called; zero: nobody can say
	Accounts                               []string  // into whose lines they go
	Refusals                               []refusal // the first of them
	AlreadyIn                              []string  // batches
	Warnings                               []warning
}

// refusal is a row that was not taken, and why.
type refusal struct {
	Line           int64
	TradeNo, Field string
	Words          shipment.Words
	Changed        []shipment.Difference // of a row in conflict
}

// warning is what a person should know of all of a file.
type warning struct {
	Kind  string
	Names []string
}

// choice says what a person has to choose before a file can be read.
type choice struct {
	Sheets []string // one of these
	// Account: whose rows these are, or a known account instead of the one that was named.
	Account bool
}

func (*choice) Error() string { return "something has to be chosen" }

// unreadable says what is wrong with a file as a whole; no Words: that it is damaged.
type unreadable struct {
	Words []shipment.Words
	cause error
}

func (u *unreadable) Error() string { return u.cause.Error() }
func (u *unreadable) Unwrap() error { return u.cause }

// refusalsShown is how many refused rows a page shows.
const refusalsShown = 200

// intakeOf is the importer of a ledger.
type intakeOf struct{ book *ledger.Ledger }

func (i intakeOf) read(ctx context.Context, f file, dry bool) (c tally, err error) {
	source, err := intake.Open(f.Path, nil, intake.OpenOptions{Sheet: f.Sheet})
	if err != nil {
		return c, fileFault(err, true)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	o := intake.Options{
		Partner: f.Account, Batch: f.Batch, Urgent: f.Urgent, Actor: f.Actor, DryRun: dry,
		Warn: func(w intake.Warning) { c.Warnings = append(c.Warnings, warning{string(w.Kind), w.Names}) },
		Refused: func(r *intake.Refused) error {
			for _, row := range r.Rows()[:min(r.Len(), refusalsShown)] {
				c.Refusals = append(c.Refusals, refused(row))
			}
			return r.Table(func(row intake.RefusedRow) string { return f.Say(refused(row)) }, f.Refused)
		},
	}
	sum, err := intake.Import(ctx, i.book, source, o)
	c.Accepted, c.Already, c.Conflicts, c.Rejected = int64(sum.Accepted), int64(sum.Already), int64(sum.Conflicts), int64(sum.Rejected)
	c.ETA, c.Accounts, c.AlreadyIn = sum.ETA.Time, sum.Accounts, sum.AlreadyIn
	if err != nil {
		return c, fileFault(err, false)
	}
	return c, nil
}

func refused(row intake.RefusedRow) refusal {
	words := row.Words
	if words.Form == "" {
		words = shipment.Words{Form: "%s", Args: []any{row.Reason}}
	}
	return refusal{row.Line, row.TradeNo, row.Field, words, row.Changed}
}

// fileFault tells what is wrong with a file from what is wrong with the ledger. While a file is opened the ledger is not
// asked.
func fileFault(err error, opening bool) error {
	var sheets *intake.SheetError
	var path *fs.PathError
	faults := intake.Faults(err)
	switch {
	case errors.As(err, &sheets):
		return &choice{Sheets: sheets.Sheets}
	case errors.Is(err, intake.ErrAccount):
		return &choice{Account: true}
	case errors.Is(err, intake.ErrLedger), errors.Is(err, intake.ErrInterrupted), errors.As(err, &path):
		return err
	case len(faults) == 0 && !opening:
		return err
	}
	u := &unreadable{cause: err}
	for _, fault := range faults {
		u.Words = append(u.Words, fault.Words)
	}
	return u
}

// batchName is what a batch is called after its file, where nobody has named it: one word, and the time.
func batchName(name string, now time.Time) string {
	word := []rune(intake.Word(name))
	return string(word[:min(len(word), 100)]) + now.In(beijing.Zone).Format("-20060102-150405")
}
