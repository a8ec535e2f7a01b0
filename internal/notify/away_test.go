package notify_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/notify"
	"fahuo/internal/shipment"
)

// What cannot be recorded is not acknowledged.
func TestLedgerAway(t *testing.T) {
	var book notify.Book
	s := set(t, func(o *notify.Options) { o.Book = func() notify.Book { return book } })
	body := s.issue(parcel(1), alipaytest.Notice{})
	if got := s.post(body); got != later || s.asked() != 0 {
		t.Errorf("not open yet: %v", got)
	}
	book = awayBook{s.book}
	if got := s.post(body); got != later || s.count(partner, "ledger_away") != 2 {
		t.Errorf("away: %v", got)
	}
	book = s.book
	if got := s.post(body); got != success {
		t.Errorf("back: %v", got)
	}
}

// awayBook is a ledger that can be read and not written.
type awayBook struct{ notify.Book }

func (awayBook) Notified(context.Context, ledger.Notice, func(ledger.Row) ledger.Effect, string) (ledger.Noticed, error) {
	return ledger.Noticed{}, errors.New("disk full")
}

// confirmer confirms everything, and does something before it says so.
type confirmer func()

func (c confirmer) VerifyNotification(context.Context, *alipay.Credentials, string) (bool, error) {
	c()
	return true, nil
}

// A sender that goes away once Alipay has been asked would only come again: what is known is recorded.
func TestASenderThatGoesAway(t *testing.T) {
	s := set(t)
	s.called(parcel(1))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	o := s.options.WithoutMetrics()
	o.Gateway = confirmer(leave)
	receiver, err := notify.New(o)
	s.must(err)
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, notify.Path, bytes.NewReader(s.issue(parcel(1), alipaytest.Notice{})))
	receiver.ServeHTTP(httptest.NewRecorder(), request)
	if r := s.row(parcel(1)); r.State != shipment.Shipped {
		t.Errorf("%+v", r)
	}
}
