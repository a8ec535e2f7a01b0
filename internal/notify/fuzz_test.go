package notify_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/notify"
)

// FuzzReceiver posts bodies made of genuine ones: what is acknowledged says what was signed, everything else changes
// nothing, and no body makes it panic, or show what is in it.
func FuzzReceiver(f *testing.F) {
	s := set(f)
	s.accept(parcel(1))
	genuine := map[string]bool{}
	for _, n := range []alipaytest.Notice{{ID: "n1", Status: "WAIT_SELLER_SEND_GOODS"}, {ID: "n%2F2", Status: "WAIT_BUYER_PAY"}} {
		body := s.issue(parcel(1), n)
		genuine[n.ID+n.Status] = true
		f.Add(body)
	}
	f.Add([]byte("seller_id=" + partner + "&sign_type=MD5&sign=0"))
	f.Add([]byte("seller_id=" + rsaPartner + "&sign_type=RSA&sign=AAAA"))
	o := s.options.WithoutMetrics()
	o.Log = zerolog.New(io.Discard)
	receiver, err := notify.New(o)
	if err != nil {
		f.Fatal(err)
	}
	before := s.row(parcel(1))
	f.Fuzz(func(t *testing.T, body []byte) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, notify.Path, bytes.NewReader(body))
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, request)
		switch w.Code {
		case 200:
			account := s.options.Accounts()[0]
			n, err := alipay.ParseNotification(account.Credentials, account.Charset, account.Sellers, body)
			if err != nil || !genuine[n.ID+n.TradeStatus] || n.TradeNo != parcel(1).TradeNo || w.Body.String() != "success" {
				t.Fatalf("believed, and nobody signed it: %q %v", body, err)
			}
		case 400, 413:
			if w.Body.String() != "fail" {
				t.Fatal(w.Body)
			}
		default:
			t.Fatalf("%d for %q", w.Code, body)
		}
		now, err := s.book.Get(t.Context(), parcel(1).Key())
		if err != nil {
			t.Fatal(err)
		}
		now.ReadAt = before.ReadAt
		if now != before {
			t.Fatalf("%+v", now)
		}
	})
}

var _ notify.Book = (*ledger.Ledger)(nil)
