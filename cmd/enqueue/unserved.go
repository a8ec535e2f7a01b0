package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// unserved lists the accounts for which shipments in the scope wait although no worker that works now serves them. An
// account that no worker has ever announced is not among them: that nobody can say when it will be done tells of it.
func unserved(ctx context.Context, book *ledger.Ledger, scope ledger.Scope) ([]string, error) {
	now, err := book.Now(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := book.Workers(ctx)
	if err != nil {
		return nil, err
	}
	served := make(map[string]bool)
	for _, w := range workers {
		for _, partner := range w.Partners {
			served[partner] = served[partner] || w.Alive(now)
		}
	}
	accounts, err := book.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var partners []string
	for _, a := range accounts {
		if served[a.Partner] || (scope.Partner != "" && scope.Partner != a.Partner) {
			continue
		}
		mine := scope
		mine.Partner = a.Partner
		counts, err := book.Counts(ctx, mine)
		if err != nil {
			return nil, err
		}
		if counts[shipment.Queued]+counts[shipment.Calling] > 0 {
			partners = append(partners, a.Partner)
		}
	}
	return partners, nil
}

// warnUnserved says on standard error that a time by which something will be done does not hold while nobody is at it.
// Not knowing is no reason to fail: what was asked for has been answered.
func warnUnserved(ctx context.Context, book *ledger.Ledger, scope ledger.Scope, log zerolog.Logger) {
	partners, err := unserved(ctx, book, scope)
	if err != nil {
		log.Debug().Err(err).Msg("whether a worker runs cannot be told")
		return
	}
	for _, partner := range partners {
		log.Warn().Msg(nobodyServes(partner))
	}
}

func nobodyServes(partner string) string {
	return fmt.Sprintf("no worker is running for account %s, so nothing of it is called; start one that serves it: worker run", partner)
}

// idleness notices, for somebody who waits, that nobody is at an account; once for each time that it happens.
type idleness struct {
	book   *ledger.Ledger
	scope  ledger.Scope
	looked time.Time
	told   []string
}

// news are the accounts that have lost their last worker since they were looked at, or have none at first.
func (i *idleness) news(ctx context.Context, now time.Time) (fresh []string) {
	if now.Sub(i.looked) < tellEvery {
		return nil
	}
	i.looked = now
	partners, err := unserved(ctx, i.book, i.scope)
	if err != nil {
		return nil // the next look will do, and a ledger that is away says so itself
	}
	for _, partner := range partners {
		if !slices.Contains(i.told, partner) {
			fresh = append(fresh, partner)
		}
	}
	i.told = partners
	return fresh
}
