package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

type statusCmd struct {
	Batch   string `placeholder:"NAME" help:"This batch only."`
	Partner string `placeholder:"PARTNER" help:"This account only."`
	JSON    bool   `name:"json" help:"Print JSON on standard output and nothing else there."`
}

// status is how far a scope has got. It is part of the contract with users.
type status struct {
	Batch   string                   `json:"batch"`
	Partner string                   `json:"partner"`
	Total   int64                    `json:"total"`
	Counts  map[shipment.State]int64 `json:"counts"`           // every state, always
	Held    []held                   `json:"held"`             // accounts concerned that are on hold; never nil
	Slowed  []slowed                 `json:"slowed,omitempty"` // those that are called for rarely, since Alipay is out of order
	ETA     intake.Time              `json:"eta"`
	Dead    []dead                   `json:"dead"` // at most deadShown, the newest first; never nil
}

// dead is a shipment that a person has to look at.
type dead struct {
	Partner     string          `json:"partner"`
	TradeNo     string          `json:"trade_no"`
	OrderRef    string          `json:"order_ref"`
	Reason      shipment.Reason `json:"reason"`
	ErrorCode   string          `json:"error_code"`
	TradeStatus string          `json:"trade_status"`
}

// deadShown is how many dead letters are named; the ledger has all of them.
const deadShown = 20

type held struct {
	Partner string `json:"partner"`
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Since   string `json:"since"`
}

type slowed struct {
	Partner string `json:"partner"`
	Code    string `json:"code"` // empty: no answer that counts
	Since   string `json:"since"`
}

// Run is `enqueue status`.
func (c *statusCmd) Run(ctx context.Context, g *cli, s streams) error {
	return g.withLedger(ctx, s, ledger.OpenExisting, checkPartnerFlag(c.Partner), func(book *ledger.Ledger) error {
		scope := ledger.Scope{Batch: c.Batch, Partner: c.Partner}
		st, err := readStatus(ctx, book, scope)
		switch {
		case err != nil:
			return err
		case st.Total == 0 && (c.Batch != "" || c.Partner != ""):
			return unknown(book, c.Batch, c.Partner)
		}
		warnUnserved(ctx, book, scope, g.logger(s))
		if c.JSON {
			return printJSON(s.out, st)
		}
		p := &page{w: s.out}
		p.status(st)
		return p.err
	})
}

func checkPartnerFlag(partner string) []error {
	if err := shipment.CheckPartner(partner); partner != "" && err != nil {
		return []error{fmt.Errorf("--partner: %w", err)}
	}
	return nil
}

// unknown says that there is nothing of that name, and where.
func unknown(book *ledger.Ledger, batch, partner string) error {
	what := "no shipment"
	if batch != "" {
		what = fmt.Sprintf("no batch %q", batch)
	}
	if partner != "" {
		what += " of account " + partner
	}
	return fmt.Errorf("there is %s in the ledger %s", what, book.URL())
}

func readStatus(ctx context.Context, book *ledger.Ledger, scope ledger.Scope) (status, error) {
	st := status{Batch: scope.Batch, Partner: scope.Partner, Held: []held{}, Dead: []dead{}}
	var err error
	if st.Counts, err = book.Counts(ctx, scope); err != nil {
		return st, err
	}
	for _, n := range st.Counts {
		st.Total += n
	}
	eta, ok, err := book.ETA(ctx, scope)
	if err != nil {
		return st, err
	}
	if ok {
		st.ETA = intake.Time{Time: eta}
	}
	letters, err := book.Dead(ctx, scope, deadShown)
	if err != nil {
		return st, err
	}
	for _, r := range letters {
		st.Dead = append(st.Dead, dead{r.Partner, r.TradeNo, r.OrderRef, r.Reason, r.ErrorCode, r.TradeStatus})
	}
	partners, err := book.PartnersIn(ctx, scope)
	if err != nil {
		return st, err
	}
	for _, partner := range partners {
		account, err := book.Account(ctx, partner)
		switch {
		case errors.Is(err, ledger.ErrNotFound): // nobody has announced it, so nobody can have held it
		case err != nil:
			return st, err
		case account.Hold != nil:
			h := account.Hold
			st.Held = append(st.Held, held{partner, h.Code, h.Reason, h.Since.In(beijing.Zone).Format(time.RFC3339)})
		case account.Slowed != nil:
			st.Slowed = append(st.Slowed, slowed{partner, account.Slowed.Code, account.Slowed.Since.In(beijing.Zone).Format(time.RFC3339)})
		}
	}
	return st, nil
}

// meanings says in a few words what each state is.
var meanings = map[shipment.State]string{
	shipment.Queued: "in line", shipment.Calling: "being called now", shipment.Shipped: "Alipay knows that the goods are sent",
	shipment.Dead: "a person has to look", shipment.Closed: "cancelled or settled",
}

func (p *page) status(st status) {
	switch {
	case st.Batch != "":
		p.line("Batch %s", st.Batch)
	case st.Partner != "":
		p.line("Account %s", st.Partner)
	}
	for _, state := range shipment.States() {
		p.line("%7d %-8s %s", st.Counts[state], state, meanings[state])
	}
	p.line("%7d in all", st.Total)
	p.dead(st)
	for _, h := range st.Held {
		p.line("Account %s is on hold since %s (%s: %s). When its cause is gone: worker release %s; see docs/operations.md#holds", h.Partner, h.Since, h.Code, h.Reason, h.Partner)
	}
	for _, w := range st.Slowed {
		p.line("Alipay is out of order for account %s since %s (%s): it is called for once in a while, and at full pace when Alipay answers again",
			w.Partner, w.Since, cmp.Or(w.Code, "no answer that counts"))
	}
	switch {
	case st.Counts[shipment.Queued]+st.Counts[shipment.Calling] == 0 || (st.ETA.IsZero() && len(st.Held)+len(st.Slowed) > 0): // said above
	default:
		p.eta(st.ETA)
	}
}

// dead names the shipments that need a person.
func (p *page) dead(st status) {
	if len(st.Dead) == 0 {
		return
	}
	p.line("A person has to look at (docs/operations.md says for each reason what to do):")
	for _, d := range st.Dead {
		text := string(d.Reason)
		for _, more := range []string{d.ErrorCode, d.TradeStatus} {
			if more != "" {
				text += ", " + more
			}
		}
		if d.OrderRef != "" {
			text += ", order " + d.OrderRef
		}
		p.line("  trade %s: %s", d.TradeNo, text)
	}
	if more := st.Counts[shipment.Dead] - int64(len(st.Dead)); more > 0 {
		p.line("  and %d more", more)
	}
}
