package api

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Batch is how far a batch has got, as far as it is the token's.
type Batch struct {
	Batch   string `json:"batch" doc:"Its name."`
	Total   int64  `json:"total" doc:"How many shipments are in it."`
	Counts  Counts `json:"counts" doc:"How many of them are in which state."`
	Done    bool   `json:"done" doc:"Nothing is left to do: all are shipped, dead or closed."`
	Held    []Held `json:"held" nullable:"false" doc:"Accounts concerned that are on hold: nothing of theirs is called."`
	ETA     *Time  `json:"eta" doc:"When the last of it will have been called if nothing fails; null if nobody can say, or it is done."`
	Dead    []Dead `json:"dead" nullable:"false" doc:"Shipments that a person has to look at, the newest 20."`
	Version string `json:"version" doc:"Changes whenever counts or holds do. Give it back as version= with wait=, and no change is missed."`
}

// Held is an account on hold.
type Held struct {
	Partner string `json:"partner" doc:"The account."`
	Code    string `json:"code" doc:"Alipay's code, or manual."`
	Reason  string `json:"reason" doc:"Why."`
	Since   *Time  `json:"since" doc:"Since when."`
}

// Dead is a shipment that a person has to look at.
type Dead struct {
	Partner     string          `json:"partner" doc:"The account."`
	TradeNo     string          `json:"trade_no" doc:"The trade number."`
	OrderRef    string          `json:"order_ref" doc:"Your order number."`
	Reason      shipment.Reason `json:"reason" doc:"Why."`
	ErrorCode   string          `json:"error_code" doc:"Alipay's code, if it gave one."`
	TradeStatus string          `json:"trade_status" doc:"The trade's status at Alipay, as far as it has been asked."`
}

// deadShown is how many dead letters an answer names.
const deadShown = 20

type batchInput struct {
	Batch   string `path:"batch" minLength:"1" maxLength:"128" doc:"The batch's name, percent-encoded."`
	Wait    string `query:"wait" pattern:"^([1-9]|[1-5][0-9]|60)s$" patternDescription:"1s to 60s" doc:"Wait up to this long for a change, 1s to 60s, instead of answering at once." example:"30s"`
	Version string `query:"version" maxLength:"32" doc:"What the client knows: with wait=, answer at once if this is not the version any more. Without it, what is now."`
}

type batchOutput struct{ Body *Batch }

// getBatch is GET /v1/batches/{batch}.
func (a *API) getBatch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	if in.Wait != "" {
		return a.awaitBatch(ctx, in)
	}
	b, err := a.tellBatch(ctx, in.Batch, tokenOf(ctx).Partners)
	if err != nil {
		return nil, away(ctx, err)
	}
	return &batchOutput{Body: b}, nil
}

// lookAgain is when a client may come again for whom there is no room to wait.
const lookAgain = 10 * time.Second

// awaitBatch answers when a batch is another than the client knows, or the time is over.
func (a *API) awaitBatch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	wait, err := time.ParseDuration(in.Wait)
	if err != nil {
		return nil, fmt.Errorf("wait: %w", err) // cannot be: its pattern is checked
	}
	leave, ok := a.waiters.enter(tokenOf(ctx).Name)
	if !ok {
		return nil, later(http.StatusTooManyRequests, lookAgain, "Too many requests of this token wait already, or of all tokens together. Let one wait for each batch, or ask without wait=.")
	}
	defer leave()
	w, leave := a.watches.enter(in.Batch, tokenOf(ctx).Partners)
	defer leave()
	b, err := w.await(ctx, a.stopping, in.Version, wait)
	if err != nil {
		return nil, away(ctx, err)
	}
	return &batchOutput{Body: b}, nil
}

// batchLook is what of a batch its version is made of.
type batchLook struct {
	Batch
	scopes      []ledger.Scope
	foreseeable bool // all of its accounts go on at their pace
}

// lookAtBatch reads the counts and holds of what of a batch belongs to some accounts. None of it doing so, there is no such
// batch.
func (a *API) lookAtBatch(ctx context.Context, name string, accounts []string) (*batchLook, error) {
	partners, err := a.Book.PartnersIn(ctx, ledger.Scope{Batch: name})
	if err != nil {
		return nil, err
	}
	partners = slices.DeleteFunc(partners, func(p string) bool { return !slices.Contains(accounts, p) })
	if len(partners) == 0 {
		return nil, problem(http.StatusNotFound, "There is no batch of this name with shipments of this token's accounts.")
	}
	b := &batchLook{Batch: Batch{Batch: name, Held: []Held{}, Dead: []Dead{}}, foreseeable: true}
	for _, partner := range partners {
		scope := ledger.Scope{Batch: name, Partner: partner}
		counts, err := a.Book.Counts(ctx, scope)
		if err != nil {
			return nil, err
		}
		b.Counts.add(counts)
		b.scopes = append(b.scopes, scope)
		paced, err := a.addHold(ctx, &b.Batch, partner)
		if err != nil {
			return nil, err
		}
		b.foreseeable = b.foreseeable && (paced || counts[shipment.Queued]+counts[shipment.Calling] == 0)
	}
	b.Total, b.Done = b.Counts.total(), b.Counts.done()
	b.Version = version(&b.Batch)
	return b, nil
}

// tellBatch is a whole answer: lookAtBatch, dead letters and the end.
func (a *API) tellBatch(ctx context.Context, name string, accounts []string) (*Batch, error) {
	b, err := a.lookAtBatch(ctx, name, accounts)
	if err != nil {
		return nil, err
	}
	for _, scope := range b.scopes {
		if err := a.addDead(ctx, &b.Batch, scope); err != nil {
			return nil, err
		}
	}
	if !b.Done && b.foreseeable { // when the last account will be done
		if b.ETA, err = a.eta(ctx, b.scopes); err != nil {
			return nil, err
		}
	}
	return &b.Batch, nil
}

func (a *API) addDead(ctx context.Context, b *Batch, scope ledger.Scope) error {
	letters, err := a.Book.Dead(ctx, scope, deadShown-len(b.Dead))
	if err != nil {
		return err
	}
	for _, r := range letters {
		b.Dead = append(b.Dead, Dead{r.Partner, r.TradeNo, r.OrderRef, r.Reason, r.ErrorCode, r.TradeStatus})
	}
	return nil
}

// addHold adds an account's hold, if there is one. paced tells whether the account goes on at its pace: nobody can say when
// one will be done that is on hold, slowed or not known to any worker.
func (a *API) addHold(ctx context.Context, b *Batch, partner string) (paced bool, err error) {
	account, err := a.Book.Account(ctx, partner)
	switch {
	case errors.Is(err, ledger.ErrNotFound): // nobody has announced it, so nobody can have held it
		return false, nil
	case err != nil:
		return false, err
	case account.Hold != nil:
		h := account.Hold
		b.Held = append(b.Held, Held{partner, h.Code, h.Reason, timeOf(h.Since)})
	}
	return account.Hold == nil && account.Slowed == nil, nil
}

// version is a digest of what a client waits for.
func version(b *Batch) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%v", b.Counts) // a hash takes everything
	for _, held := range b.Held {
		_, _ = fmt.Fprintf(h, "%q%q%v", held.Partner, held.Code, held.Since.UnixMicro())
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
