package desk

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// caseAct is an act of a person on one case.
type caseAct struct {
	act ledger.Act // as history has it
	do  func(*request, ledger.Row) error

	// same tells whether a line of history, of this act and this person, says the very thing that is asked for: then
	// it is a second click and not a second wish.
	same func(*request, ledger.Line) bool
}

// caseActs are the acts by the last part of their address.
var caseActs = map[string]caseAct{
	"ask":    {ledger.ActAsk, (*request).askAlipay, anyLine},
	"send":   {ledger.ActSendAgain, (*request).sendAgain, (*request).sameCorrection},
	"close":  {ledger.ActClose, (*request).closeCase, (*request).sameReason},
	"mark":   {ledger.ActMarkShipped, (*request).markShipped, anyLine},
	"take":   {ledger.ActAssign, (*request).takeCase, func(q *request, l ledger.Line) bool { return l.After["assignee"] == q.user.Name }},
	"leave":  {ledger.ActAssign, (*request).leaveCase, func(_ *request, l ledger.Line) bool { return l.After["assignee"] == "" }},
	"note":   {ledger.ActNote, (*request).noteCase, anyLine},
	"cancel": {ledger.ActCancel, (*request).cancelShipment, anyLine},
}

func anyLine(*request, ledger.Line) bool { return true }

// caseAct does an act to the shipment at the version that the page had shown.
func (q *request) caseAct() error {
	name := q.PathValue("act")
	a, known := caseActs[name]
	shown, err := strconv.ParseInt(q.PostFormValue("version"), 10, 64)
	if !known || err != nil {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	row, err := q.shipment()
	if err != nil {
		return err
	}
	if row.Version == shown || name == "note" { // a note disturbs nobody, and what was typed is not to be lost
		err = a.do(q, row)
	} else {
		err = ledger.ErrStale
	}
	var obstacle *ledger.ObstacleError
	var field *shipment.FieldError
	switch {
	case err == nil:
		return q.done(q.caseAddress(row), "case_"+name, 0)
	case errors.Is(err, ledger.ErrStale):
		return q.stale(a, name, row, shown)
	case errors.As(err, &field):
		return q.showCase(http.StatusUnprocessableEntity, q.typed(name, field))
	case errors.As(err, &obstacle) && obstacle.Obstacle == ledger.ObstacleLookFirst:
		return q.showCase(http.StatusUnprocessableEntity, q.typed(name, &shipment.FieldError{Field: "looked"}))
	}
	return err
}

// caseAddress is where an act on a case leads back to: the page that it was posted from.
func (q *request) caseAddress(r ledger.Row) string {
	base := casePath(r.Partner, r.TradeNo)
	back, err := url.Parse(q.back())
	if err != nil {
		return base
	}
	if path := back.EscapedPath(); path == base || path == strings.Replace(base, "/dead/", "/shipments/", 1) {
		return q.back()
	}
	return base
}

func (q *request) askAlipay(r ledger.Row) error {
	if why := offered(r, true).Ask; !why.Open() {
		return &ledger.ObstacleError{Key: r.Key(), Obstacle: either(why.Why, ledger.ObstacleState)}
	}
	return q.d.o.Book.Ask(q.Context(), r.Key(), q.user.Name)
}

func (q *request) sendAgain(r ledger.Row) error {
	again := ledger.SendAgain{Correction: q.correction()}
	if q.PostFormValue("looked") == "yes" {
		// A person's word counts only where Alipay cannot be asked: otherwise what is in doubt is queried (U7).
		account, err := q.d.accountFacts(q.Context(), r.Partner)
		if err != nil {
			return err
		}
		again.Looked = !account.MayQuery
	}
	_, err := q.d.o.Book.SendAgain(q.Context(), r, again, q.user.Name)
	return err
}

// correction is what the form says about the shipment's details; a field that is not in it stays.
func (q *request) correction() ledger.Correction {
	given := func(name string) *string {
		if !q.PostForm.Has(name) {
			return nil
		}
		value := q.PostFormValue(name)
		return &value
	}
	return ledger.Correction{
		LogisticsName: given(shipment.FieldLogisticsName), InvoiceNo: given(shipment.FieldInvoiceNo), TransportType: given(shipment.FieldTransportType),
	}
}

func (q *request) sameCorrection(l ledger.Line) bool {
	for _, name := range []string{shipment.FieldLogisticsName, shipment.FieldInvoiceNo, shipment.FieldTransportType} {
		if after, corrected := l.After[name]; corrected && after != strings.TrimSpace(q.PostFormValue(name)) {
			return false
		}
	}
	return true
}

// Limits in characters of what people write.
const (
	maxWhy  = 300
	maxNote = 2000
)

// written is a text that has to be there.
func (q *request) written(name string, most int) (string, error) {
	text := strings.TrimSpace(q.PostFormValue(name))
	if text == "" || utf8.RuneCountInString(text) > most {
		return "", &shipment.FieldError{Field: name}
	}
	return text, nil
}

func (q *request) closeCase(r ledger.Row) error {
	why, err := q.written("why", maxWhy)
	if err != nil {
		return err
	}
	_, err = q.d.o.Book.CloseCase(q.Context(), r, why, q.user.Name)
	return err
}

func (q *request) sameReason(l ledger.Line) bool {
	return l.Detail == strings.TrimSpace(q.PostFormValue("why"))
}

func (q *request) markShipped(r ledger.Row) error {
	_, err := q.d.o.Book.MarkShipped(q.Context(), r, q.user.Name)
	return err
}

func (q *request) takeCase(r ledger.Row) error { return q.assign(r, q.user.Name) }

func (q *request) leaveCase(r ledger.Row) error { return q.assign(r, "") }

func (q *request) assign(r ledger.Row, to string) error {
	_, err := q.d.o.Book.Assign(q.Context(), r, to, q.user.Name)
	return err
}

func (q *request) noteCase(r ledger.Row) error {
	note, err := q.written("note", maxNote)
	if err != nil {
		return err
	}
	return q.d.o.Book.Note(q.Context(), r.Key(), note, q.user.Name)
}

// cancelShipment closes a shipment that was never called. That it is called this very moment is an obstacle; the
// ledger decides.
func (q *request) cancelShipment(r ledger.Row) error {
	if why := offered(r, true).Cancel; !why.Open() {
		return &ledger.ObstacleError{Key: r.Key(), Obstacle: either(why.Why, ledger.ObstacleState)}
	}
	n, _, err := q.d.o.Book.Cancel(q.Context(), ledger.Scope{Partner: r.Partner, TradeNo: r.TradeNo}, q.user.Name)
	if err == nil && n == 0 {
		return ledger.ErrStale
	}
	return err
}

// either is the first of two that says something.
func either(a, b ledger.Obstacle) ledger.Obstacle {
	if a != "" {
		return a
	}
	return b
}
