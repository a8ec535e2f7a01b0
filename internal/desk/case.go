package desk

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// What the gateway's services are called in the record of calls.
const (
	serviceShip  = "send_goods_confirm_by_platform"
	serviceQuery = "single_trade_query"
)

// caseView is everything about one shipment: what it is, what can be done, what has happened.
type caseView struct {
	Row     ledger.Row
	Base    string // where its acts are posted to
	From    string // the list that the reader came from
	Account accountFacts
	Advice  advice
	ETA     time.Time // by when it will have been called; zero: nobody can say
	Asked   *ledger.Question
	Live    string // seconds between looks while something is awaited
	Acts    offers
	Form    caseForm
	Events  []event
	Support string
}

// accountFacts is what a case has to say of its account.
type accountFacts struct {
	Name     string
	Known    bool // a worker has announced it
	Hold     *ledger.Hold
	Served   bool // a worker that works now is there for it
	MayQuery bool
}

// shipment is the one that the address names.
func (q *request) shipment() (ledger.Row, error) {
	return q.d.o.Book.Get(q.Context(), shipment.Key{Partner: q.PathValue("partner"), TradeNo: q.PathValue("trade_no")})
}

func (q *request) caseView() error { return q.showCase(http.StatusOK, caseForm{}) }

// showCase answers with a case as it is now, and with what somebody has typed in vain.
func (q *request) showCase(status int, form caseForm) error {
	row, err := q.shipment()
	if err != nil {
		return err
	}
	v := caseView{Row: row, Base: casePath(row.Partner, row.TradeNo), From: q.from()}
	if v.Account, err = q.d.accountFacts(q.Context(), row.Partner); err != nil {
		return err
	}
	lines, err := q.d.o.Book.History(q.Context(), row.Key())
	if err != nil {
		return err
	}
	calls, err := q.d.o.Book.Calls(q.Context(), row.Key())
	if err != nil {
		return err
	}
	if err := q.whatIsAwaited(&v); err != nil {
		return err
	}
	v.Advice = advise(row, v.Account.MayQuery)
	if v.Advice.Todo == "todo.wait" && !v.Account.Served {
		v.Advice.Todo = "todo.no_worker" // waiting alone would be in vain
	}
	v.Acts = offered(row, v.Account.MayQuery)
	v.Form = form.filled(row)
	v.Events = q.lang.timeline(lines, calls)
	v.Support = q.lang.support(row, calls)
	return q.page(status, "case", v)
}

// whatIsAwaited finds out what will change by itself: an answer, a call.
func (q *request) whatIsAwaited(v *caseView) error {
	question, err := q.d.o.Book.LastQuestion(q.Context(), v.Row.Key())
	switch {
	case err == nil:
		v.Asked = &question
	case !errors.Is(err, ledger.ErrNotFound):
		return err
	}
	open := v.Row.State == shipment.Queued || v.Row.State == shipment.Calling
	if open || v.Open() {
		v.Live = "3"
	}
	if v.Row.State != shipment.Queued || !v.Account.Served {
		return nil
	}
	eta, ok, err := q.d.o.Book.ETA(q.Context(), ledger.Scope{Partner: v.Row.Partner, TradeNo: v.Row.TradeNo})
	if err != nil || !ok {
		return err
	}
	if v.Row.NotBefore.After(eta) {
		eta = v.Row.NotBefore
	}
	v.ETA = eta
	return nil
}

// MayBeShipped tells whether the outcome of a call is not known. What was called before and is sent again is queried
// first, too, but that alone is no reason to suspect it.
func (v caseView) MayBeShipped() bool {
	return v.Row.Doubt && (v.Row.State != shipment.Queued || v.Row.Resent == 0 || v.Row.Failures > 0)
}

// Open tells whether Alipay's answer to a question is awaited.
func (v caseView) Open() bool { return v.Asked != nil && v.Asked.AnsweredAt.IsZero() }

// Fresh tells whether there is an answer to a question that is worth a line of its own: a finding stands with the
// shipment, but that nothing was learnt stands nowhere else.
func (v caseView) Fresh() bool {
	return v.Asked != nil && !v.Asked.AnsweredAt.IsZero() && !v.Asked.AnsweredAt.Before(v.Row.ChangedAt)
}

func (d *Desk) accountFacts(ctx context.Context, partner string) (f accountFacts, err error) {
	known, err := d.o.Book.KnownAccounts(ctx)
	if err != nil {
		return f, err
	}
	f = accountFacts{Name: partner, MayQuery: true}
	for _, a := range known {
		if a.Partner == partner {
			f.Name, f.Known, f.Hold, f.MayQuery = accountName(a), !a.Announced.IsZero(), a.Hold, a.NoQueryAt.IsZero()
		}
	}
	f.Served, err = d.served(ctx, partner)
	return f, err
}

// served tells whether a worker that works now is there for an account.
func (d *Desk) served(ctx context.Context, partner string) (bool, error) {
	working, err := d.working(ctx)
	return slices.ContainsFunc(working, func(w ledger.Worker) bool { return w.Serves(partner) }), err
}

// working are the workers that work now.
func (d *Desk) working(ctx context.Context) ([]ledger.Worker, error) {
	now, err := d.o.Book.Now(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := d.o.Book.Workers(ctx)
	return slices.DeleteFunc(workers, func(w ledger.Worker) bool { return !w.Alive(now) }), err
}

// casePath is the address of a case. What came out of the queue as a key may hold anything.
func casePath(partner, tradeNo string) string {
	return "/dead/" + url.PathEscape(partner) + "/" + url.PathEscape(tradeNo)
}

// from is the list that the reader came from, with its filter.
func (q *request) from() string {
	if from := localPath(q.URL.Query().Get("from")); from != "" {
		return from
	}
	if back, err := url.Parse(q.back()); err == nil {
		return localPath(back.Query().Get("from"))
	}
	return ""
}
