package api

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
)

// handed is what of a request is in the ledger: what it has put at the ends of lines, and where the rest is.
type handed struct {
	ends   map[string]int // by account
	scopes []ledger.Scope
}

// add notes one shipment: accepted, or already in a batch, which may be none.
func (h *handed) add(e entry, answer ledger.Acceptance) {
	s := e.shipment
	switch {
	case answer.Verdict == ledger.Accepted && !s.Urgent:
		if h.ends == nil {
			h.ends = make(map[string]int)
		}
		h.ends[s.Partner]++
	case answer.Verdict == ledger.Accepted && s.Batch != "":
		h.scopes = append(h.scopes, ledger.Scope{Batch: s.Batch, Partner: s.Partner})
	case answer.Verdict == ledger.Already && answer.Batch != "":
		h.scopes = append(h.scopes, ledger.Scope{Batch: answer.Batch, Partner: s.Partner})
	default:
		h.scopes = append(h.scopes, ledger.Scope{Partner: s.Partner, TradeNo: s.TradeNo})
	}
}

// called is when the last of it will have been called; nil when nobody can say.
func (a *API) called(ctx context.Context, h handed) (*Time, error) {
	var last time.Time
	for partner, n := range h.ends {
		end, ok, err := a.lines.longer(ctx, partner, n)
		if err != nil || !ok {
			return nil, err
		}
		if end.After(last) {
			last = end
		}
	}
	h.scopes = slices.DeleteFunc(h.scopes, func(s ledger.Scope) bool { return h.ends[s.Partner] > 0 }) // they are ahead of it
	rest, err := a.eta(ctx, h.scopes)
	if err == nil && rest != nil && rest.After(last) {
		return rest, nil
	}
	return timeOf(last), err
}

// scopesAsked is for how many different scopes one answer reckons: items that name a batch each have none in common.
const scopesAsked = 20

// eta is when the last shipment of some scopes will have been called; nil when nobody can say.
func (a *API) eta(ctx context.Context, scopes []ledger.Scope) (*Time, error) {
	slices.SortFunc(scopes, func(a, b ledger.Scope) int {
		return slices.Compare([]string{a.Batch, a.Partner, a.TradeNo}, []string{b.Batch, b.Partner, b.TradeNo})
	})
	scopes = slices.Compact(scopes)
	if len(scopes) > scopesAsked {
		return nil, nil
	}
	var last time.Time
	for _, s := range scopes {
		eta, ok, err := a.Book.ETA(ctx, s)
		if err != nil {
			return nil, err
		}
		if ok && eta.After(last) {
			last = eta
		}
	}
	return timeOf(last), nil
}

// ignore notes an error that is no reason to refuse: what was accepted is, and an answer that said otherwise
// would be wrong.
func ignore(ctx context.Context, err error) {
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("accepted, but when it will have been called could not be reckoned")
	}
}
