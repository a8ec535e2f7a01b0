package ledger_test

import (
	"errors"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Whoever asks for what is not there is told what it is.
func testWhatIsNotThereIsNamed(t *testing.T) {
	l := book(t)
	k := shipment.Key{Partner: partner, TradeNo: "7"}
	for want, ask := range map[string]func() error{
		"shipment " + partner + ":7 is not in the ledger":                  func() error { _, err := l.Get(t.Context(), k); return err },
		"a question about shipment " + partner + ":7 is not in the ledger": func() error { _, err := l.LastQuestion(t.Context(), k); return err },
		`batch "b" is not in the ledger`:                                   func() error { _, err := l.Batch(t.Context(), "b"); return err },
		"act over many 3 is not in the ledger":                             func() error { _, err := l.Bulk(t.Context(), 3); return err },
		"account 2088999999999999 is not in the ledger":                    func() error { _, err := l.Account(t.Context(), "2088999999999999"); return err },
		"the session is not in the ledger":                                 func() error { _, err := l.Session(t.Context(), "d"); return err },
	} {
		if err := ask(); !errors.Is(err, ledger.ErrNotFound) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
