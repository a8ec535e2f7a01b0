package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/notify"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// notified posts a notification of the gateway's to a worker, again and again until it is acknowledged, as Alipay does.
func (s *site) notified(addr string, n alipaytest.Notice) {
	s.t.Helper()
	n.Partner = partner
	body, err := s.gateway.Notify(n)
	s.must(err)
	s.until("acknowledged", time.Minute, func() bool {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+addr+notify.Path, bytes.NewReader(body))
		s.must(err)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false // not there yet
		}
		defer func() { s.must(response.Body.Close()) }()
		text, err := io.ReadAll(response.Body)
		s.must(err)
		return response.StatusCode == http.StatusOK && string(text) == "success"
	})
}

// A trade that is closed while its shipment waits leaves the line before it wastes a slot: the gateway sees no call.
func TestANotificationTakesOutOfTheLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, 200*time.Millisecond, true)
	s.accept(4)
	s.must(s.book.Announce(context.Background(), []ledger.Account{{Partner: partner, Interval: 200 * time.Millisecond}}))
	_, err := s.book.SetHold(context.Background(), partner, ledger.HoldManual, "until the notification is there", "test")
	s.must(err)
	addr := "127.0.0.1:" + proctest.FreePort(t)
	p := s.start("FAHUO_NOTIFY_LISTEN="+addr, "FAHUO_NO_PREFLIGHT=true", "FAHUO_LOG_LEVEL=trace")
	closed, elsewhere := parcels(1, 2)[0], parcels(2, 3)[0]
	s.notified(addr, alipaytest.Notice{TradeNo: closed.TradeNo, Status: "TRADE_CLOSED", ID: "a%2Fb"})
	s.notified(addr, alipaytest.Notice{TradeNo: elsewhere.TradeNo, Status: "WAIT_BUYER_CONFIRM_GOODS"})
	_, err = s.book.Release(context.Background(), partner, "", "test")
	s.must(err)
	s.until("the others are shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	for _, c := range []struct {
		shipment shipment.Shipment
		reason   shipment.Reason
	}{{closed, shipment.ReasonNotShippable}, {elsewhere, shipment.ReasonAlreadyShipped}} {
		r, err := s.book.Get(context.Background(), c.shipment.Key())
		s.must(err)
		if r.State != shipment.Dead || r.Reason != c.reason || s.gateway.ShipCalls(c.shipment.TradeNo) != 0 {
			t.Errorf("%+v, called %d times", r, s.gateway.ShipCalls(c.shipment.TradeNo))
		}
	}
	s.lawful()
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, secret := range []string{testKey, "13000000000", "张三", "buyer@example.com"} {
		if strings.Contains(p.Output(), secret) {
			t.Errorf("%q is in the log", secret)
		}
		s.nowhere(secret)
	}
}

// nowhere fails when a text is in a file of the site, the key's own excepted.
func (s *site) nowhere(text string) {
	s.t.Helper()
	looked := 0
	for _, dir := range []string{s.dir, filepath.Dir(strings.TrimPrefix(s.book.URL(), "sqlite:"))} {
		s.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "key" {
				return err
			}
			content, err := os.ReadFile(path) //nolint:gosec // the test's own directories
			if looked++; bytes.Contains(content, []byte(text)) {
				s.t.Errorf("%q is in %s", text, path)
			}
			return err
		}))
	}
	if looked == 0 {
		s.t.Error("there was nothing to look at")
	}
}

// The gateway shipped, its answer was lost, and the account may not query: the notification settles it.
func TestANotificationSettlesADoubt(t *testing.T) {
	t.Parallel()
	s := newSite(t, 200*time.Millisecond, true)
	s.accept(1)
	p := parcels(0, 1)[0]
	s.gateway.Inject(alipaytest.Fault{TradeNo: p.TradeNo, Kind: alipaytest.Drop, When: alipaytest.After},
		alipaytest.Fault{Service: "query", Kind: alipaytest.ErrorCode, Code: "ILLEGAL_PARTNER_EXTERFACE", Times: -1})
	addr := "127.0.0.1:" + proctest.FreePort(t)
	s.start("FAHUO_NOTIFY_LISTEN="+addr, "FAHUO_CALL_TIMEOUT=40s") // so the fence is far away, and nobody looks before
	s.until("called", time.Minute, func() bool { return s.gateway.ShipCalls(p.TradeNo) == 1 })
	s.notified(addr, alipaytest.Notice{TradeNo: p.TradeNo})
	r, err := s.book.Get(context.Background(), p.Key())
	s.must(err)
	if r.State != shipment.Shipped || s.gateway.ShipCalls(p.TradeNo) != 1 {
		t.Errorf("%+v", r)
	}
	s.lawful()
}

func TestNotifyListenIsChecked(t *testing.T) {
	t.Parallel()
	good := []string{"ALIPAY_PARTNER=" + partner, "ALIPAY_KEY=" + testKey}
	if code, out := proctest.Run(t, t.TempDir(), append(good, "FAHUO_NOTIFY_LISTEN=nowhere", "ALIPAY_SELLERS=shop", "ALIPAY_NOTIFY_CHARSET=big5"), program, "run"); code != 2 ||
		!strings.Contains(out, "FAHUO_NOTIFY_LISTEN") || !strings.Contains(out, "ALIPAY_SELLERS") || !strings.Contains(out, "notify charset") {
		t.Errorf("exit %d: %s", code, out)
	}
}
