package ledger_test

import (
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// look asks everything that there is to ask.
func look(t *testing.T, l *ledger.Ledger) error {
	t.Helper()
	ctx, k := t.Context(), parcel(7).Key()
	for _, ask := range []func() error{
		func() error { _, err := l.Get(ctx, k); return err },
		func() error { _, err := l.Account(ctx, partner); return err },
		func() error { _, err := l.Accounts(ctx); return err },
		func() error { _, err := l.HeldAhead(ctx); return err },
		func() error { _, err := l.Calls(ctx, k); return err },
		func() error { _, err := l.History(ctx, k); return err },
		func() error { _, err := l.Overdue(ctx, 10); return err },
		func() error { _, err := l.Unfed(ctx, shipment.Queued, 0, 10); return err },
		func() error { _, err := l.OnBelt(ctx, partner, shipment.Queued, ledger.Cursor{}, 10); return err },
		func() error { _, err := l.All(ctx, 0, 10); return err },
		func() error { _, err := l.Partners(ctx, shipment.Queued); return err },
		func() error { _, err := l.PartnersIn(ctx, ledger.Scope{}); return err },
		func() error { _, err := l.PartnersWaiting(ctx, ledger.Scope{}); return err },
		func() error { _, err := l.Counts(ctx, ledger.Scope{}); return err },
		func() error { _, err := l.CountsByPartner(ctx); return err },
		func() error { _, err := l.DeathCount(ctx); return err },
		func() error { _, err := l.OldestQueued(ctx); return err },
		func() error { _, err := l.Dead(ctx, ledger.Scope{}, 10); return err },
		func() error { _, _, err := l.ETA(ctx, ledger.Scope{}); return err },
		func() error { return l.Ping(ctx) },
	} {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}
