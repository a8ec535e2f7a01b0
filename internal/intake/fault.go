package intake

import "fahuo/internal/shipment"

// Fault is what is wrong with a file as a whole.
type Fault struct{ shipment.Words }

func (f *Fault) Error() string { return f.String() }

// Unwrap leads to the errors among the values of the sentence.
func (f *Fault) Unwrap() (all []error) {
	for _, arg := range f.Args {
		if err, ok := arg.(error); ok {
			all = append(all, err)
		}
	}
	return all
}

func faulty(form string, args ...any) error { return &Fault{words(form, args...)} }

func words(form string, args ...any) shipment.Words { return shipment.Words{Form: form, Args: args} }

// Faults are those that an error tells of, in its order. Where one is because of another, the first is enough.
func Faults(err error) (all []*Fault) {
	if fault, ok := err.(*Fault); ok { //nolint:errorlint // the tree is walked here
		return []*Fault{fault}
	}
	switch wrapping := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() []error }:
		for _, one := range wrapping.Unwrap() {
			all = append(all, Faults(one)...)
		}
	case interface{ Unwrap() error }:
		return Faults(wrapping.Unwrap())
	}
	return all
}

// SheetError says that a workbook has not just one sheet of shipments that can be seen: one of Sheets has to be named.
type SheetError struct {
	Sheets []string
	hidden bool // all of them
}

func (e *SheetError) Error() string {
	if e.hidden {
		return "has no sheet that is not hidden; it has " + list(e.Sheets) + ": name one of them (--sheet NAME)"
	}
	return "has more than one sheet of shipments: " + list(e.Sheets) + "; name the one to import (--sheet NAME), then the others"
}

// Warning is what a person should know of all of a file; String says it to whoever uses a command line.
type Warning struct {
	Kind  WarningKind
	Names []string // columns, or lines
	text  string
}

func (w Warning) String() string { return w.text }

// WarningKind is what a warning is about.
type WarningKind string

// The kinds of warnings.
const (
	WarnNobodyServes WarningKind = "nobody_serves" // no worker has announced any account
	WarnIgnored      WarningKind = "ignored"       // columns that mean nothing here
	WarnExample      WarningKind = "example"       // the template's example row was passed over
	WarnFooter       WarningKind = "footer"        // lines below the table were taken for none of its rows
)

// WarningKinds are all of them.
func WarningKinds() []WarningKind {
	return []WarningKind{WarnNobodyServes, WarnIgnored, WarnExample, WarnFooter}
}
