package desk

import (
	"errors"
	"net/http"
	"slices"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// importFormView is the page on which a file is chosen.
type importFormView struct {
	Accounts []option
	Account  string
	Batch    string
	Urgent   bool
	Fault    string // the key of what was wrong
	Most     int64  // bytes
}

func (q *request) importPage() error { return q.importForm(http.StatusOK, "", uploadForm{}) }

// importForm asks for a file, again if something was wrong.
func (q *request) importForm(status int, fault string, form uploadForm) error {
	accounts, err := q.announced()
	if err != nil {
		return err
	}
	return q.page(status, "import", importFormView{accounts, form.account, form.batch, form.urgent, fault, maxUpload})
}

// announced are the accounts for which rows can be taken.
func (q *request) announced() ([]option, error) {
	accounts, err := q.d.o.Book.Accounts(q.Context())
	return accountList(accounts).options(), err
}

// importView is the page of one file: what would become of it, or what has.
type importView struct {
	Token    string
	Name     string
	File     file
	Found    tally
	Done     bool
	Broken   bool     // the import has ended early, and can be gone on with
	Sheets   []string // one has to be chosen
	Account  bool     // an account has to be chosen
	Accounts []option
	Bad      bool // the file is no good
	Faults   []string
	Unknown  string // the key of why nobody can say when the last will be called
	Batch    bool   // there is a batch of that name
}

// Refused is how many rows are not taken.
func (v importView) Refused() int64 { return v.Found.Conflicts + v.Found.Rejected }

// More is how many of them the page does not show.
func (v importView) More() int64 { return v.Refused() - int64(len(v.Found.Refusals)) }

// Worth tells whether an import would change anything: what is here already may still become urgent.
func (v importView) Worth() bool {
	return v.Found.Accepted > 0 || v.File.Urgent && v.Found.Already > 0
}

// readImport is the page of a file.
func (q *request) readImport() error {
	u, err := q.heldFile()
	if err != nil {
		return err
	}
	defer u.busy.Unlock()
	v := importView{Token: u.token, Name: u.name, File: u.file, Found: u.found, Done: u.done, Broken: errors.Is(u.fault, errBroken)}
	if missing := new(choice); errors.As(u.fault, &missing) {
		v.Sheets, v.Account = missing.Sheets, missing.Account
	}
	if v.Accounts, err = q.announced(); err != nil {
		return err
	}
	if bad := new(unreadable); errors.As(u.fault, &bad) {
		v.Bad = true
		for _, words := range bad.Words {
			v.Faults = append(v.Faults, q.lang.words(words))
		}
	}
	if v.Unknown, err = q.whyUnknown(u.found); err != nil {
		return err
	}
	if v.Done || v.Broken {
		if _, err := q.d.o.Book.Batch(q.Context(), u.file.Batch); err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		} else if err == nil {
			v.Batch = true
		}
	}
	return q.page(http.StatusOK, "imported", v)
}

// whyUnknown is why nobody can say when the last row will be called; empty when somebody can.
func (q *request) whyUnknown(found tally) (string, error) {
	if found.Accepted == 0 {
		return "", nil
	}
	if found.ETA.IsZero() {
		return "import.eta_unknown", nil
	}
	working, err := q.d.working(q.Context())
	if err != nil {
		return "", err
	}
	for _, partner := range found.Accounts {
		if !slices.ContainsFunc(working, func(w ledger.Worker) bool { return w.Serves(partner) }) {
			return "overview.unserved", nil
		}
	}
	return "", nil
}

// refusal is why a row was not taken, in words.
func (l *language) refusal(r refusal) string {
	if len(r.Changed) == 0 {
		return l.words(r.Words)
	}
	said := ""
	for i, d := range r.Changed {
		if i > 0 {
			said += l.text("audit.and")
		}
		said += l.text("import.changed", l.field(d.Field), d.Old, d.New)
	}
	return said + l.text("import.first_stays")
}

// words says what intake and the noun have to say about a row or a file. Their own words are English.
func (l *language) words(w shipment.Words) string {
	if form, ok := l.forms[w.Form]; ok {
		w.Form = form
	}
	return w.String()
}

// field is what a column is called.
func (l *language) field(name string) string { return l.maybe("import.field.", name) }
