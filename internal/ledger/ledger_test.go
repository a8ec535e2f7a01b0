package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partner = "2088000000000001"

// book opens a new ledger that knows one account with the given interval.
func book(t *testing.T) *ledger.Ledger {
	t.Helper()
	l := open(t, newURL(t))
	announce(t, l)
	return l
}

func open(t *testing.T, url string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func announce(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	if err := l.Announce(t.Context(), []ledger.Account{{Partner: partner, Name: "旗舰店", Interval: time.Second}}); err != nil {
		t.Fatal(err)
	}
}

func now(t *testing.T, l *ledger.Ledger) time.Time {
	t.Helper()
	at, err := l.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("%028d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, Batch: "b1",
	}
}

func accept(t *testing.T, l *ledger.Ledger, shipments ...shipment.Shipment) []ledger.Acceptance {
	t.Helper()
	answers, err := l.Accept(t.Context(), shipments, ledger.AcceptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func get(t *testing.T, l *ledger.Ledger, s shipment.Shipment) ledger.Row {
	t.Helper()
	r, err := l.Get(t.Context(), s.Key())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func attempt(fence time.Duration) ledger.Attempt {
	return ledger.Attempt{Service: "ship", Worker: "w1", Params: "{}", Fence: fence}
}

func begin(t *testing.T, l *ledger.Ledger, r ledger.Row, fence time.Duration) ledger.Row {
	t.Helper()
	begun, err := l.Begin(t.Context(), r, attempt(fence))
	if err != nil {
		t.Fatal(err)
	}
	return begun
}

func finish(t *testing.T, l *ledger.Ledger, begun ledger.Row, f ledger.Finish) ledger.Finished {
	t.Helper()
	done, err := l.Finish(t.Context(), begun, f)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func account(t *testing.T, l *ledger.Ledger) ledger.Account {
	t.Helper()
	a, err := l.Account(t.Context(), partner)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// openSlot makes the slot free again without waiting: a call that was not sent gives it back at once.
func openSlot(t *testing.T, l *ledger.Ledger, begun ledger.Row) ledger.Row {
	t.Helper()
	return finish(t, l, begun, ledger.Finish{Answer: ledger.Answer{Verdict: ledger.VerdictNotSent}, NotSent: true}).Row
}

var shipped = ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}

func TestOpenRefusesWhatIsNoLedger(t *testing.T) {
	for url, want := range map[string]string{
		"":                                   "is neither sqlite:PATH",
		"sqlite:":                            "is neither sqlite:PATH",
		"fahuo.db":                           "is neither sqlite:PATH",
		"postgres://u:secret@localhost:x/db": "the address cannot be used",
		"sqlite:a?b":                         "not allowed",
		"sqlite:" + filepath.Join(t.TempDir(), "no", "such", "fahuo.db"): "the directory is not there",
	} {
		if _, err := ledger.Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v, want %q", url, err, want)
		}
	}
}

func testManyOpenANewLedgerAtOnce(t *testing.T) {
	url := newURL(t)
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			l, err := ledger.Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = l.Identity()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("one ledger, several identities: %q", ids)
		}
	}
	if other := open(t, newURL(t)); other.Identity() == ids[0] {
		t.Fatal("two ledgers have one identity")
	}
}

func testUnclearContextLeavesBothOrNone(t *testing.T) {
	l := book(t)
	accept(t, l, parcel(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Begin(ctx, get(t, l, parcel(1)), attempt(time.Hour)); err == nil {
		t.Fatal("begun under a cancelled context")
	}
	row, a := get(t, l, parcel(1)), account(t, l)
	if (row.State == shipment.Calling) != a.InFlight {
		t.Fatalf("row %s, slot in flight %v", row.State, a.InFlight)
	}
}
