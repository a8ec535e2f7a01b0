package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"fahuo/internal/shipment"
)

// A file is imported in steps, each a page of its own that may be read again:
//
//	form ─► upload, kept in a temporary file ─► dry run ─► (sheet? account?) ─► confirm ─► import ─► result
//
// Nothing is queued before it is confirmed. What is imported is the file that was kept, so that it is the one that was
// shown; the ledger may have gone on meanwhile, and the result says what has really become of the rows.

// fileTimes is how long a file may take to arrive, to be read and to be imported.
const (
	arriveTime = 5 * time.Minute
	fileTime   = 15 * time.Minute
)

// upload takes a file, and goes to the page that says what would become of it.
func (q *request) upload() error {
	controller := http.NewResponseController(q.w)
	_ = controller.SetReadDeadline(time.Now().Add(arriveTime)) // the server's own limits are for forms; where there
	_ = controller.SetWriteDeadline(time.Now().Add(fileTime))  // are no deadlines, there is none to move
	u, err := q.d.uploads.add(q.user.Name)
	if err != nil {
		return err
	}
	u.busy.Lock()
	defer u.busy.Unlock()
	form, err := q.receive(u.path())
	if err == nil {
		err = q.fillOrder(u, form)
	}
	if err != nil {
		q.d.uploads.drop(u)
		if p := new(problem); errors.As(err, &p) {
			return q.importForm(p.status, p.key, form)
		}
		return err
	}
	if err := q.look(u); err != nil {
		q.d.uploads.drop(u)
		return err
	}
	return q.redirect(importPath(u))
}

// fillOrder takes over what the form says.
func (q *request) fillOrder(u *upload, form uploadForm) error {
	switch {
	case !form.there:
		return &problem{http.StatusUnprocessableEntity, "import.no_file"}
	case shipment.CheckBatch(form.batch) != nil:
		return &problem{http.StatusUnprocessableEntity, "import.bad_batch"}
	case form.account != "" && shipment.CheckPartner(form.account) != nil:
		return &problem{http.StatusUnprocessableEntity, "import.bad_account"}
	}
	u.name = form.name
	u.file = file{Path: u.path(), Account: form.account, Batch: form.batch, Urgent: form.urgent, Actor: q.user.Name}
	if u.file.Batch == "" {
		u.file.Batch = batchName(form.name, q.now)
	}
	return nil
}

// look makes the dry run. What is wrong with the file, or has to be chosen, is part of what it finds. The caller has the
// upload to himself.
func (q *request) look(u *upload) (err error) {
	u.found, u.fault, err = q.readFile(q.Context(), u, true)
	return err
}

// readFile reads an upload, two at a time in all, and keeps its refused rows beside it.
func (q *request) readFile(ctx context.Context, u *upload, dry bool) (found tally, fault, err error) {
	select {
	case q.d.uploads.reading <- struct{}{}:
		defer func() { <-q.d.uploads.reading }()
	case <-ctx.Done():
		return found, nil, ctx.Err()
	}
	keep, err := newRefusedFile(u.refused())
	if err != nil {
		return found, nil, err
	}
	f := u.file
	f.Refused, f.Say = keep.write, q.lang.refusal
	found, err = q.d.importer.read(ctx, f, dry)
	if closing := keep.close(); closing != nil {
		return found, nil, errors.Join(err, closing)
	}
	if bad := new(unreadable); errors.As(err, &bad) {
		q.d.o.Log.Info().Err(bad).Str("user", u.user).Msg("a file cannot be imported")
		return found, bad, nil
	}
	if missing := new(choice); errors.As(err, &missing) {
		return found, missing, nil
	}
	return found, nil, err
}

// chooseImport takes what the dry run had asked for, and makes it again.
func (q *request) chooseImport() error {
	u, err := q.heldFile()
	if err != nil {
		return err
	}
	defer u.busy.Unlock()
	if account := q.PostFormValue("account"); account != "" && shipment.CheckPartner(account) != nil {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	if !u.done && !u.entered {
		for name, value := range map[string]*string{"sheet": &u.file.Sheet, "account": &u.file.Account} {
			if chosen := q.PostFormValue(name); chosen != "" {
				*value = chosen
			}
		}
		if err := q.look(u); err != nil {
			return err
		}
	}
	return q.redirect(importPath(u))
}

// confirmImport imports what was shown, once: a second click waits for the first one and finds it done.
func (q *request) confirmImport() error {
	_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(fileTime)) // as above
	u, err := q.heldFile()
	if err != nil {
		return err
	}
	defer u.busy.Unlock()
	if u.done || u.fault != nil && !errors.Is(u.fault, errBroken) {
		return q.redirect(importPath(u))
	}
	q.d.uploads.renew(u)
	// Begun, it goes on without the browser: whoever looks again sees how it ended. It ends early with the desk.
	ctx, cancel := context.WithCancel(context.WithoutCancel(q.Context()))
	defer cancel()
	defer context.AfterFunc(q.d.ctx, cancel)()
	if !u.entered {
		if err := q.d.o.Book.EnterImport(ctx, q.user.Name, u.file.Batch, u.facts()); err != nil {
			return err
		}
		u.entered = true
	}
	found, fault, err := q.readFile(ctx, u, false)
	q.d.counts.empty()
	if err != nil {
		q.d.o.Log.Error().Err(err).Str("batch", u.file.Batch).Str("user", u.user).Msg("an import was broken off; its page offers to go on")
		fault = errBroken
	}
	u.found, u.fault, u.done = found, fault, fault == nil
	return q.redirect(importPath(u))
}

// errBroken says that an import has ended before the file did, for no fault of the file's: it can be gone on with.
var errBroken = errors.New("the import was broken off")

// facts are what the audit trail says about an import: what the person has confirmed.
func (u *upload) facts() map[string]string {
	facts := map[string]string{"file": u.name}
	for name, n := range map[string]int64{"accepted": u.found.Accepted, "already": u.found.Already, "conflicts": u.found.Conflicts, "rejected": u.found.Rejected} {
		facts[name] = strconv.FormatInt(n, 10)
	}
	if u.file.Account != "" {
		facts["partner"] = u.file.Account
	}
	if u.file.Urgent {
		facts["urgent"] = "yes"
	}
	return facts
}

// heldFile is the upload that the address names, for its owner alone to deal with until he unlocks it. One that is not there
// any more has lost nobody anything: what was confirmed is in the ledger.
func (q *request) heldFile() (*upload, error) {
	u := q.d.uploads.find(q.PathValue("token"), q.user.Name)
	if u == nil {
		return nil, &problem{http.StatusNotFound, "import.gone"}
	}
	u.busy.Lock()
	if u.dir == "" {
		u.busy.Unlock()
		return nil, &problem{http.StatusNotFound, "import.gone"}
	}
	return u, nil
}

func importPath(u *upload) string { return "/import/" + url.PathEscape(u.token) }

// exportRefused hands the refused rows back, to be corrected and imported again.
func (q *request) exportRefused() error {
	u, err := q.heldFile()
	if err != nil {
		return err
	}
	rows, err := os.Open(u.refused())
	u.busy.Unlock() // what is open can be read, whatever becomes of its name
	if err != nil {
		return fmt.Errorf("refused rows: %w", err)
	}
	defer func() { _ = rows.Close() }() // it was only read
	return q.exportRows(rows)
}
