package desk

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"fahuo/internal/ledger"
)

// accountsView is the page of all accounts.
type accountsView struct{ Accounts []standing }

func (q *request) accountsPage() error {
	all, err := q.accountStandings()
	if err != nil {
		return err
	}
	return q.page(http.StatusOK, "accounts", accountsView{all})
}

// accountStandings reads how the accounts stand, holds as they are this very moment.
func (q *request) accountStandings() (all []standing, err error) {
	accounts, err := q.d.o.Book.KnownAccounts(q.Context())
	if err != nil {
		return nil, err
	}
	workers, err := q.d.o.Book.Workers(q.Context())
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		s := standing{Standing: ledger.Standing{Account: a}, Name: a.Name, Hold: q.lang.hold(a.Hold)}
		for _, w := range workers {
			if w.Alive(q.now) && w.Serves(a.Partner) {
				s.Workers++
				s.Serving = append(s.Serving, w.Name)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// holdView is the page on which a hold is confirmed, or lifting one.
type holdView struct {
	standing
	Release bool
	Queued  int64
	Reason  string
	Error   string
}

// longestReason is how much a person may write as a reason, in characters.
const longestReason = 500

func (q *request) holdPage() error {
	act := q.PathValue("act")
	if act != "hold" && act != "release" {
		return q.notFound()
	}
	return q.askHold(http.StatusOK, act == "release", "", "")
}

// askHold asks whether an account is to be held or released, and says what follows.
func (q *request) askHold(status int, release bool, reason, fault string) error {
	all, err := q.accountStandings()
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Partner != q.PathValue("partner") {
			continue
		}
		counts, err := q.d.o.Book.Counts(q.Context(), ledger.Scope{Partner: s.Partner})
		if err != nil {
			return err
		}
		s.Name = accountName(s.Account)
		return q.page(status, "hold", holdView{s, release, counts["queued"], reason, fault})
	}
	return q.notFound()
}

// holdAccount puts an account on hold. Workers see it before their next call.
func (q *request) holdAccount() error {
	reason := strings.TrimSpace(q.PostFormValue("reason"))
	if reason == "" || utf8.RuneCountInString(reason) > longestReason || !utf8.ValidString(reason) {
		return q.askHold(http.StatusUnprocessableEntity, false, reason, "accounts.reason_missing")
	}
	partner, err := q.heldOrNot(false)
	if err != nil {
		return err
	}
	held, err := q.d.o.Book.SetHold(q.Context(), partner, ledger.HoldManual, reason, q.user.Name)
	if err != nil {
		return err
	}
	if !held { // somebody was quicker
		return &problem{http.StatusConflict, "accounts.held_already"}
	}
	return q.done("/accounts", "account_held", 0)
}

// releaseAccount lifts a hold.
func (q *request) releaseAccount() error {
	reason := strings.TrimSpace(q.PostFormValue("reason"))
	if utf8.RuneCountInString(reason) > longestReason || !utf8.ValidString(reason) {
		return q.askHold(http.StatusUnprocessableEntity, true, reason, "accounts.reason_long")
	}
	partner, err := q.heldOrNot(true)
	if err != nil {
		return err
	}
	released, err := q.d.o.Book.Release(q.Context(), partner, reason, q.user.Name)
	if err != nil {
		return err
	}
	if !released { // somebody was quicker
		return &problem{http.StatusConflict, "accounts.not_held"}
	}
	return q.done("/accounts", "account_released", 0)
}

// heldOrNot is the account meant, if it is on hold (or not) as the page had shown: of two people the second is told.
func (q *request) heldOrNot(held bool) (partner string, err error) {
	account, err := q.d.o.Book.Account(q.Context(), q.PathValue("partner"))
	switch {
	case errors.Is(err, ledger.ErrNotFound) && !held:
		// Known by its shipments alone; it may be held in advance.
		known, err := q.d.o.Book.KnownAccounts(q.Context())
		if err != nil {
			return "", err
		}
		for _, a := range known {
			if a.Partner == q.PathValue("partner") {
				return a.Partner, nil
			}
		}
		return "", &problem{http.StatusNotFound, "error.not_found"}
	case err != nil:
		return "", err
	case held && account.Hold != nil && q.PostFormValue("since") != "" && q.PostFormValue("since") != strconv.FormatInt(account.Hold.Since.UnixMicro(), 10):
		return "", &problem{http.StatusConflict, "accounts.held_anew"}
	case held && account.Hold == nil:
		return "", &problem{http.StatusConflict, "accounts.not_held"}
	case !held && account.Hold != nil:
		return "", &problem{http.StatusConflict, "accounts.held_already"}
	}
	return account.Partner, nil
}
