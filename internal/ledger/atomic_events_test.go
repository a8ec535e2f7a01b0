package ledger_test

import (
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// addEvents adds what those do who tell order systems what has become of shipments.
func addEvents(all map[string]func(*testing.T, *ledger.Ledger) func() error) {
	prepared := func(f func(*testing.T, *ledger.Ledger, ledger.Endpoint) error) func(*testing.T, *ledger.Ledger) func() error {
		return func(t *testing.T, l *ledger.Ledger) func() error {
			t.Helper()
			e := hook(t, l, ledger.OwnerAccount, partner, "erp")
			died(t, l, 1, ledger.Move{})
			accept(t, l, parcel(2))
			return func() error { return f(t, l, e) }
		}
	}
	all["announce endpoints"] = prepared(func(t *testing.T, l *ledger.Ledger, _ ledger.Endpoint) error {
		t.Helper()
		_, err := l.AnnounceEndpoints(t.Context(), ledger.OwnerAccount, nil, []ledger.Endpoint{{Owner: partner, Name: "wms", URL: "https://wms.example"}})
		return err
	})
	all["tell"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		hook(t, l, ledger.OwnerAccount, partner, "erp")
		accept(t, l, parcel(2))
		r := get(t, l, parcel(2))
		return func() error {
			_, err := l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist}, "w")
			return err
		}
	}
	all["claim deliveries"] = prepared(func(t *testing.T, l *ledger.Ledger, e ledger.Endpoint) error {
		t.Helper()
		_, err := l.ClaimDeliveries(t.Context(), e.ID, 10, time.Hour)
		return err
	})
	all["attempted"] = func(t *testing.T, l *ledger.Ledger) func() error {
		t.Helper()
		e := hook(t, l, ledger.OwnerAccount, partner, "erp")
		died(t, l, 1, ledger.Move{})
		d := claimOne(t, l, e)
		return func() error { return l.Attempted(t.Context(), d, ledger.Attempted{Retry: time.Hour, Error: "500"}) }
	}
}
