package check_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/check"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// The shipment is sent once, the answer verifies, the trade then waits for the buyer; a second check of it sends nothing.
func TestShipsOnce(t *testing.T) {
	s := set(t, nil)
	s.ship()
	r := s.run()
	expect(t, r, "")
	for id, says := range map[check.ID]string{
		check.Answer: "verifies", check.Trade: "could be shipped", check.ShipPermission: "may ship", check.Shipment: "by this check, answered T; the answer's signature verifies",
		check.Confirmation: "waits for the buyer's confirmation", check.Notification: "--wait-notify",
	} {
		if step := find(t, r, id); !strings.Contains(step.Detail, says) {
			t.Errorf("%+v", step)
		}
	}
	s.o.Ship.InvoiceNo = "SF2"
	again := s.run()
	expect(t, again, "")
	if step := find(t, again, check.Shipment); step.Status != check.Passed || !strings.Contains(step.Detail, "not sent again") || len(step.Warnings) != 1 {
		t.Errorf("%+v", step)
	}
	s.o.Ship = nil
	if step := find(t, s.run(), check.ShipPermission); step.Status != check.Passed || !strings.Contains(step.Detail, "proved by a shipment") {
		t.Errorf("%+v", step)
	}
	if n, breaches := s.calls(), s.gateway.Breaches(); n != 1 || len(breaches) != 0 {
		t.Errorf("%d ship calls, %+v", n, breaches)
	}
	s.with(func(ctx context.Context, b *ledger.Ledger) error {
		calls, err := b.Calls(ctx, shipment.Key{Partner: partner, TradeNo: waiting})
		if len(calls) != 4+2+1 { // asked, asked before the call, called, confirmed; asked and confirmed; asked
			t.Errorf("%d calls are on record", len(calls))
		}
		return err
	})
}

// What becomes of a shipment that goes wrong: named, with what to do, and never sent a second time by this check.
func TestShipmentsThatGoWrong(t *testing.T) {
	for name, c := range map[string]struct {
		fault alipaytest.Fault
		fails check.ID // empty: none
		says  string
		note  string // of a shipment that is shipped all the same
		state shipment.State
	}{
		"out of step":             {alipaytest.Fault{Kind: alipaytest.StatusNotAvailable}, check.Shipment, "TRADE_STATUS_NOT_AVAILD", "", shipment.Dead},
		"busy":                    {alipaytest.Fault{Kind: alipaytest.BusyRetry}, check.Shipment, "RETRY", "", shipment.Queued},
		"busy, and shipped":       {alipaytest.Fault{Kind: alipaytest.SystemError, When: alipaytest.After}, check.Shipment, "SYSTEM_ERROR", "", shipment.Queued},
		"refused":                 {alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"}, check.Shipment, "illegal_argument", "", shipment.Dead},
		"about the account":       {alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_SIGN"}, check.Shipment, "worker release " + partner, "", shipment.Queued},
		"an odd code":             {alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "MOON_IS_FULL"}, check.Shipment, "unknown_code", "", shipment.Dead},
		"no answer":               {alipaytest.Fault{Kind: alipaytest.Reset}, check.Shipment, "in line", "", shipment.Queued},
		"no answer, and shipped":  {alipaytest.Fault{Kind: alipaytest.Reset, When: alipaytest.After}, "", "", "does not count", shipment.Shipped},
		"wrongly signed":          {alipaytest.Fault{Kind: alipaytest.WrongSignature, When: alipaytest.After}, "", "", "settled by a query", shipment.Shipped},
		"a bare T":                {alipaytest.Fault{Kind: alipaytest.BareSuccess, When: alipaytest.After}, "", "", "settled by a query", shipment.Shipped},
		"T, and the status waits": {alipaytest.Fault{Kind: alipaytest.WrongStatus}, check.Shipment, "in line", "", shipment.Queued},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t, nil)
			s.o.CallTimeout = 5 * time.Second // what is without an answer is waited for, to the fence
			s.ship()
			s.gateway.Inject(c.fault)
			r := s.run()
			if c.fails == "" {
				expect(t, r, "")
				if step := find(t, r, check.Shipment); step.Status != check.Passed || len(step.Warnings) != 1 || !strings.Contains(step.Warnings[0], c.note) {
					t.Errorf("%+v", step)
				}
			} else {
				expect(t, r, c.says, c.fails)
				if step := find(t, r, check.Confirmation); step.Status != check.Skipped {
					t.Errorf("%+v", step)
				}
			}
			if n, breaches := s.calls(), s.gateway.Breaches(); n != 1 || len(breaches) != 0 {
				t.Errorf("%d ship calls, %+v", n, breaches)
			}
			s.with(func(ctx context.Context, b *ledger.Ledger) error {
				row, err := b.Get(ctx, shipment.Key{Partner: partner, TradeNo: waiting})
				if row.State != c.state {
					t.Errorf("%+v", row)
				}
				return err
			})
		})
	}
}

// An account that may not ship shows at the first shipment, and there alone.
func TestNoPermissionToShip(t *testing.T) {
	s := set(t, func(o *alipaytest.Options) { o.Accounts[0].NoShip = true })
	if r := s.run(); !r.OK || find(t, r, check.ShipPermission).Status != check.Skipped {
		t.Fatal(text(t, r))
	}
	s.ship()
	expect(t, s.run(), "ILLEGAL_PARTNER_EXTERFACE", check.ShipPermission)
}

// A trade that somebody else has shipped is no dead letter of a check.
func TestShippedByNobodyKnowsWhom(t *testing.T) {
	s := set(t, nil)
	s.put(waiting, "WAIT_BUYER_CONFIRM_GOODS")
	s.ship()
	expect(t, s.run(), "knows nothing of it", check.Shipment)
	s.with(func(ctx context.Context, b *ledger.Ledger) error {
		if _, err := b.Get(ctx, shipment.Key{Partner: partner, TradeNo: waiting}); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("it was handed over: %v", err)
		}
		return nil
	})
	if n := s.calls(); n != 0 {
		t.Errorf("%d ship calls", n)
	}
}

// What the ledger holds with other details is not sent, and not changed.
func TestOtherDetailsAreAConflict(t *testing.T) {
	s := set(t, nil)
	s.ship()
	other := *s.o.Ship
	other.InvoiceNo = "SF9"
	s.with(func(ctx context.Context, b *ledger.Ledger) error {
		_, err := b.Accept(ctx, []shipment.Shipment{other}, ledger.AcceptOptions{})
		return err
	})
	expect(t, s.run(), `invoice_no is "SF9" there and "SF1" here`, check.Shipment)
	if n := s.calls(); n != 0 {
		t.Errorf("%d ship calls", n)
	}
}

// That Alipay has taken the shipment and does not show it is named.
func TestConfirmationFails(t *testing.T) {
	s := set(t, nil)
	s.ship()
	expect(t, s.run(), "")
	s.put(waiting, "WAIT_SELLER_SEND_GOODS")
	expect(t, s.run(), "support", check.Confirmation)
	if n := s.calls(); n != 1 {
		t.Errorf("%d ship calls", n)
	}
}

// Several checks of one trade at once, over either ledger, ship it once and keep the pace: none goes around the ledger.
func TestChecksAtOnceShipOnce(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"sqlite": nil, "postgres": func(t *testing.T) string { return proctest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t, nil)
			if url != nil {
				s.o.Ledger = url(t)
			}
			s.ship()
			reports := make([]check.Report, 4)
			var all sync.WaitGroup
			for i := range reports {
				o := s.o
				o.Name = "check " + string(rune('a'+i))
				all.Go(func() { reports[i] = check.Run(t.Context(), o) })
			}
			all.Wait()
			for _, r := range reports {
				// One that begins when another has just shipped the trade finds both the trade and its row shipped.
				expect(t, r, "")
			}
			if n, breaches := s.calls(), s.gateway.Breaches(); n != 1 || len(breaches) != 0 {
				t.Errorf("%d ship calls, %+v", n, breaches)
			}
		})
	}
}

// heard is what was received from Alipay.
type heard struct {
	after int // of so many questions the last is answered with yes; 0: none
	err   error
	asked int
}

func (h *heard) Shipped(context.Context, shipment.Key) (time.Time, bool, error) {
	h.asked++
	return time.Unix(1_800_000_000, 0), h.asked == h.after, h.err
}

func TestNotification(t *testing.T) {
	for name, c := range map[string]struct {
		from   *heard
		status check.Status
		says   string
	}{
		"nobody listens": {nil, check.Failed, "within 1.2s"},
		"recorded":       {nil, check.Passed, "verifies"},
		"at once":        {&heard{after: 1}, check.Passed, "verifies"},
		"later":          {&heard{after: 2}, check.Passed, "verifies"},
		"never":          {&heard{}, check.Failed, "within 1.2s"},
		"no ledger":      {&heard{err: errors.New("the ledger is away")}, check.Failed, "away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t, nil)
			s.ship()
			s.o.WaitNotify = 1200 * time.Millisecond
			if c.from != nil {
				s.o.Notifications = c.from
			}
			if name == "recorded" {
				s.with(func(ctx context.Context, book *ledger.Ledger) error {
					n := ledger.Notice{Key: shipment.Key{Partner: s.o.Accounts[0].Credentials.Partner, TradeNo: s.o.TradeNo}, ID: "n1", TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}
					_, err := book.Notified(ctx, n, func(ledger.Row) ledger.Effect { return ledger.Effect{} }, "w1")
					return err
				})
			}
			if step := find(t, s.run(), check.Notification); step.Status != c.status || !strings.Contains(step.Detail, c.says) {
				t.Errorf("%+v", step)
			}
		})
	}
}
