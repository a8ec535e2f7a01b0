package desk

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// batchView is the page of one batch.
type batchView struct {
	batchLine
	Uncalled int64 // queued and never called: what can be cancelled
	Accounts []standing
	Told     bool // it has just been cancelled: say what was left
}

// Line is the batch as lists show it.
func (v batchView) Line() batchLine { return v.batchLine }

// Begun is what is queued and was called before.
func (v batchView) Begun() int64 { return v.Counts[shipment.Queued] - v.Uncalled }

// Left is what cancelling leaves as it is.
func (v batchView) Left() int64 { return v.Total - v.Uncalled - v.Counts[shipment.Closed] }

func (q *request) batch(name string) error {
	v, err := q.readBatch(name)
	if err != nil {
		return err
	}
	if v.ETA.IsZero() && v.Unknown != "" {
		if v.Accounts, err = q.standingIn(v.batchLine); err != nil {
			return err
		}
	}
	v.Told = q.FormValue("cancelled") != ""
	return q.page(http.StatusOK, "batch", v)
}

func (q *request) readBatch(name string) (v batchView, err error) {
	b, err := q.d.o.Book.Batch(q.Context(), name)
	if err != nil {
		return v, err
	}
	if v.batchLine, err = q.follow(b); err != nil {
		return v, err
	}
	v.Uncalled, err = q.d.o.Book.Uncalled(q.Context(), ledger.Scope{Batch: name})
	return v, err
}

// standingIn are the accounts of a batch that are why nobody can say when it is done.
func (q *request) standingIn(b batchLine) (all []standing, err error) {
	partners, err := q.d.o.Book.PartnersIn(q.Context(), ledger.Scope{Batch: b.Name})
	if err != nil {
		return nil, err
	}
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if !slices.Contains(partners, a.Partner) {
			continue
		}
		s := standing{Standing: ledger.Standing{Account: a}, Name: accountName(a), Hold: q.lang.hold(a.Hold)}
		switch {
		case a.Hold != nil:
			s.Unknown = "overview.on_hold"
		case a.Announced.IsZero():
			s.Unknown = "batches.never_served"
		case slices.Contains(b.Unserved, a.Partner):
			s.Unknown = "batches.unserved"
		default:
			continue
		}
		all = append(all, s)
	}
	return all, nil
}

// cancelPage asks once more, and names how many it would be.
func (q *request) cancelPage() error {
	v, err := q.readBatch(q.FormValue("name"))
	if err != nil {
		return err
	}
	return q.page(http.StatusOK, "cancel", v)
}

// cancel closes what was not called yet: never more than was shown. If there is more to cancel by now, it asks again.
func (q *request) cancel() error {
	name := q.PostFormValue("name")
	shown, err := strconv.ParseInt(q.PostFormValue("shown"), 10, 64)
	if name == "" || err != nil { // a scope without a batch would be everything
		return &problem{http.StatusBadRequest, "error.form"}
	}
	v, err := q.readBatch(name)
	if err != nil {
		return err
	}
	if v.Uncalled > shown {
		return q.page(http.StatusConflict, "cancel", v)
	}
	closed, err := q.d.o.Book.CancelShown(q.Context(), ledger.Scope{Batch: name}, shown, q.user.Name)
	if errors.Is(err, ledger.ErrStale) { // more has come in this very moment
		if v, err = q.readBatch(name); err == nil {
			return q.page(http.StatusConflict, "cancel", v)
		}
	}
	if err != nil {
		return err
	}
	return q.done("/batches?"+url.Values{"name": {name}, "cancelled": {"yes"}}.Encode(), "batch_cancelled", closed)
}
