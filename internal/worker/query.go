package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
)

// preflight asks Alipay about the trade while the slot has to be waited for anyway (step 2). done says
// that the query has settled the shipment or sent it back in line.
func (l *lane) preflight(ctx context.Context, j *job, row ledger.Row, account ledger.Account) (done bool, err error) {
	if j.pre.covers(row) {
		return false, nil
	}
	if !row.Doubt && (l.a().NoPreflight || !l.queriesAllowed()) {
		j.pre = preflight{version: row.Version, until: time.Now().Add(freshFor(l.a().Interval))}
		return false, nil
	}
	limited, cancel := context.WithTimeout(ctx, preflightTime(account.OpenAt.Sub(account.Now), row.Doubt))
	defer cancel()
	// A stopping worker does not wait for a preflight.
	unhook := context.AfterFunc(l.quit, cancel) //nolint:contextcheck // the end of the lane, besides the task's own context
	defer unhook()
	a, err := l.query(limited, row)
	if err != nil {
		return false, err
	}
	if l.draining() && a.Outcome == alipay.Unknown {
		return false, errDraining // cut off by the stop: it says nothing about the trade
	}
	over, err := l.budgetOver(ctx, row, account)
	if err != nil {
		return false, err
	}
	f := facts{Row: row, BudgetOver: over, Delay: l.w.o.Retry.after(row.Failures + 1), OthersPass: j.othersPass}
	act, move := afterQuery(f, a)
	switch act {
	case actCall:
		j.pre = preflight{version: row.Version, until: time.Now().Add(freshFor(l.a().Interval)), refund: move.RefundStatus}
		return false, nil
	case actBack:
	}
	l.step(StepSettle)
	settled, err := l.w.o.Book.Settle(ctx, row, move, l.w.o.Name)
	if err != nil {
		return false, err
	}
	l.step(StepSettled)
	l.moved(ctx, settled, move.Detail)
	return true, nil
}

// budgetOver tells whether the retry budget is used up. What seems so is looked at closely: after an absence the
// account's row does not know of it yet.
func (l *lane) budgetOver(ctx context.Context, row ledger.Row, account ledger.Account) (bool, error) {
	if account.Spent(row) <= l.w.o.Retry.For {
		return false, nil
	}
	spent, err := l.w.o.Book.Spent(ctx, row)
	return spent > l.w.o.Retry.For, err
}

// query makes one query and records it. An error means that it was not made, or could not be
// recorded; that Alipay told nothing is in the answer.
func (l *lane) query(ctx context.Context, row ledger.Row) (alipay.Answer, error) {
	return l.queryIf(ctx, row, func() error { return nil })
}

// queryIf is query, unless something that is asked right before it is sent is against it.
func (l *lane) queryIf(ctx context.Context, row ledger.Row, may func() error) (alipay.Answer, error) {
	l.step(StepQuery)
	// One that cannot be made in time is like one that was not answered, and there is nothing to record.
	if err := l.queries.Wait(ctx); err != nil {
		return alipay.Answer{Err: err}, nil
	}
	if err := may(); err != nil {
		return alipay.Answer{}, err
	}
	a, params, took := l.w.o.Gateway.Query(ctx, l.a().Credentials, row.TradeNo)
	l.step(StepQueried)
	l.metrics().called(l.partner, alipay.ServiceQuery, a, took)
	if err := l.record(ctx, row, a, params, took); err != nil {
		return a, err
	}
	l.step(StepRecorded)
	l.noteQueryRight(ctx, a)
	l.emit(Event{Kind: EventQueried, Shipment: row.Shipment, Code: a.Code, Status: a.TradeStatus, Detail: errorText(a.Err)})
	return a, nil
}

// record writes a query down (R3). Detached from cancellation: it has been made.
func (l *lane) record(ctx context.Context, row ledger.Row, a alipay.Answer, params alipay.Params, took time.Duration) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return l.w.o.Book.RecordQuery(ctx, row.Key(), alipay.ServiceQuery, l.w.o.Name, string(text), Recorded(a, took))
}

// Recorded is what the ledger keeps of an answer.
func Recorded(a alipay.Answer, took time.Duration) ledger.Answer {
	return ledger.Answer{
		Verdict: a.Outcome.String(), HTTPStatus: a.HTTPStatus, Code: a.Code, TradeStatus: a.TradeStatus,
		RefundStatus: a.RefundStatus, Verified: a.Verified, Unverified: a.Unverified, Body: a.Body, Error: errorText(a.Err), Duration: took,
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (l *lane) queriesAllowed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mayQuery
}

// noteQueryRight remembers whether the account may query, and says so once.
func (l *lane) noteQueryRight(ctx context.Context, a alipay.Answer) {
	refused := a.Code == alipay.CodeMayNotUse
	if !refused && a.Outcome != alipay.Succeeded {
		return
	}
	l.mu.Lock()
	l.mayQuery = !refused
	l.mu.Unlock()
	news, err := l.w.o.Book.MayNotQuery(ctx, l.partner, refused)
	if err != nil && !errors.Is(err, context.Canceled) {
		l.w.o.Log.Warn().Err(err).Msg("cannot note whether the account may query")
	}
	if news && refused {
		l.w.o.Log.Warn().Str("partner", l.partner).Msg("the account is not signed up for single_trade_query: it works without preflight, " +
			"and what is in doubt becomes a dead letter; ask Alipay to open the interface")
	}
}

// claimLasts is how long after claiming it the query for the evidence may be sent. It is answered and recorded, or
// given up, before anybody else claims it (unexamined).
const claimLasts = 10 * time.Second

// errClaimOver says that the query was not made, since somebody else may be about to make it.
var errClaimOver = errors.New("this process was stopped before its query for the evidence; it is left to another")

// gatherEvidence makes the one query that follows a refusal (C1), whatever it says. Of any number of processes one
// makes it: who has claimed it, and has not been stopped since.
func (l *lane) gatherEvidence(ctx context.Context, dead ledger.Row) (ledger.Row, error) {
	// Not given up when the worker stops: it is the only one there will be.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), preflightTime(0, true))
	defer cancel()
	claimed := time.Now() // sooner than the ledger's time, from which the others reckon
	mine, err := l.w.o.Book.ClaimEvidence(limited, dead, l.w.o.Name)
	if err != nil {
		return dead, err
	}
	dead = mine
	l.step(StepClaimed)
	a, err := l.queryIf(limited, dead, func() error {
		now := time.Now()
		// The monotonic clock stands still while the machine is suspended.
		if max(now.Sub(claimed), now.Round(0).Sub(claimed.Round(0))) > claimLasts {
			return errClaimOver
		}
		return nil
	})
	finds := findsOf(a)
	if err != nil || finds.Found == "" {
		return dead, err
	}
	l.step(StepEvidence)
	found, err := l.w.o.Book.Evidence(ctx, dead, finds, l.w.o.Name)
	if err != nil {
		l.w.o.Log.Warn().Err(err).Stringer("shipment", dead.Key()).Msg("what the query found stands in the calls only")
		return dead, nil
	}
	return found, nil
}
