package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// program is the built worker.
var program string

func TestMain(m *testing.M) { os.Exit(proctest.Main(m, "worker", &program, nil)) }

const (
	partner   = "2088900000000007"
	neighbour = "2088900000000008"                  // the gateway knows it; tests that need it give it to the worker
	testKey   = "process-test-key-fedcba9876543210" // a test key
)

// site is what worker processes work in: a gateway, a Redis, a ledger, a directory.
type site struct {
	t       testing.TB
	dir     string
	gateway *alipaytest.Server
	redis   string // empty: each worker's own
	book    *ledger.Ledger
	env     []string
}

// newSite has its ledger in SQLite.
func newSite(t testing.TB, interval time.Duration, withRedis bool) *site {
	t.Helper()
	return newSiteOn(t, "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"), interval, withRedis)
}

func newSiteOn(t testing.TB, url string, interval time.Duration, withRedis bool) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	creds := alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey)}
	second := creds
	second.Partner = neighbour
	var err error
	s.gateway, err = alipaytest.Start(alipaytest.Options{
		Accounts: []alipaytest.Account{{Credentials: creds, AlsoKey: alipay.NewSecret(nextKey)}, {Credentials: second}}, Interval: interval, AutoTrades: true,
	})
	s.must(err)
	t.Cleanup(func() { s.must(s.gateway.Close()) })
	s.book, err = ledger.Open(context.Background(), url)
	s.must(err)
	t.Cleanup(func() { s.must(s.book.Close()) })
	keyFile := filepath.Join(s.dir, "key")
	s.must(os.WriteFile(keyFile, []byte(testKey+"\n"), 0o600))
	s.env = []string{
		"DATABASE_URL=" + url, "ALIPAY_PARTNER=" + partner, "ALIPAY_KEY_FILE=" + keyFile, "ALIPAY_GATEWAY=" + s.gateway.URL(),
		"FAHUO_INTERVAL=" + interval.String(), "FAHUO_CALL_TIMEOUT=1s", "FAHUO_RETRY_BASE=100ms", "FAHUO_RETRY_CAP=1s", "FAHUO_LISTEN=off",
	}
	if withRedis {
		s.redis = proctest.Redis(t)
		s.env = append(s.env, "REDIS_URL=redis://"+s.redis)
	} else {
		s.env = append(s.env, "FAHUO_EMBEDDED_REDIS_ADDR=127.0.0.1:"+proctest.FreePort(t))
	}
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) start(env ...string) *proctest.Process {
	s.t.Helper()
	return proctest.Start(s.t, s.dir, append(slices.Clone(s.env), env...), program, "run")
}

func parcels(from, to int) (all []shipment.Shipment) {
	for n := from; n < to; n++ {
		all = append(all, shipment.Shipment{
			Partner: partner, TradeNo: fmt.Sprintf("20261123000010010000%08d", n), LogisticsName: "顺丰速运",
			InvoiceNo: fmt.Sprintf("SF%d", n), TransportType: shipment.TransportExpress, Batch: "b1",
		})
	}
	return all
}

func (s *site) accept(to int) {
	s.t.Helper()
	_, err := s.book.Accept(context.Background(), parcels(0, to), ledger.AcceptOptions{})
	s.must(err)
}

func (s *site) count(state shipment.State) int64 {
	s.t.Helper()
	counts, err := s.book.Counts(context.Background(), ledger.Scope{})
	s.must(err)
	return counts[state]
}

// untilLast is how long until waits altogether. How much happens in a minute is the machine's business.
const untilLast = 10 * time.Minute

// until waits for a condition, which is looked at again at every event of the gateway and now and then:
// the ledger belongs to another process and gives no signal. It gives up when nothing has happened at the gateway
// for as long as silence says.
func (s *site) until(what string, silence time.Duration, done func() bool) {
	s.t.Helper()
	last, silent := time.NewTimer(untilLast), time.NewTimer(silence)
	defer last.Stop()
	defer silent.Stop()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		changed := s.gateway.Changed()
		if done() {
			return
		}
		select {
		case <-changed:
			silent.Reset(silence)
		case <-ticker.C:
		case <-silent.C:
			s.t.Fatalf("in vain, and nothing happens any more: %s", what)
		case <-last.C:
			s.t.Fatalf("in vain: %s", what)
		}
	}
}

func (s *site) lawful() {
	s.t.Helper()
	for _, b := range s.gateway.Breaches() {
		s.t.Errorf("law broken: %+v", b)
	}
}

func (s *site) shipCalls() (n int) {
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() {
			n++
		}
	}
	return n
}
