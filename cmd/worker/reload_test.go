package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

const nextKey = "process-test-key-0123456789abcdef" // a test key

// What is found twice the same is taken on; what is half written, faulty or gone is not.
func TestReloaderLooksTwice(t *testing.T) {
	account := func(partner, key string) worker.Account {
		return worker.Account{Interval: time.Second, Credentials: &alipay.Credentials{
			Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(key),
		}}
	}
	one, two, rekeyed := account(partner, testKey), account(neighbour, testKey), account(partner, nextKey)
	var log strings.Builder
	var found []worker.Account
	var warnings []warning
	var loadErr, serveErr error
	taken := 0
	r := &reloader{
		load: func() (served, error) { return served{accounts: found, warnings: warnings}, loadErr },
		serve: func(context.Context, served) (worker.Changes, error) {
			if serveErr == nil {
				taken++
			}
			return worker.Changes{}, serveErr
		},
		log: zerolog.New(&log), serving: served{accounts: []worker.Account{one, two}},
	}
	look := func(asked bool, wantServed int, why string) {
		t.Helper()
		r.look(t.Context(), asked)
		if taken != wantServed {
			t.Errorf("%s: served %d times, want %d", why, taken, wantServed)
		}
	}
	found = []worker.Account{one, two}
	look(false, 0, "nothing has changed")
	found = []worker.Account{one} // half written
	look(false, 0, "seen once")
	found = []worker.Account{rekeyed, two}
	look(false, 0, "something else is seen once")
	look(false, 1, "seen twice")
	look(false, 1, "it is served")
	found, warnings = []worker.Account{one}, []warning{{partner, "its key is short"}}
	look(true, 2, "somebody has asked")
	loadErr = errors.New("no such key file\nand something else")
	look(false, 2, "faulty")
	look(false, 2, "still faulty")
	if n := strings.Count(log.String(), "no such key file"); n != 1 {
		t.Errorf("a fault is told %d times:\n%s", n, log.String())
	}
	loadErr = nil
	look(false, 2, "mended, and as before")
	if !strings.Contains(log.String(), "nothing is different") {
		t.Errorf("that it is mended is not told:\n%s", log.String())
	}
	found, serveErr = []worker.Account{rekeyed}, errors.New("the ledger is away")
	look(true, 2, "not served")
	serveErr = nil
	look(false, 3, "tried again, since it was seen before")
	if n := strings.Count(log.String(), "its key is short"); n != 1 {
		t.Errorf("a slip in what was read anew is told %d times:\n%s", n, log.String())
	}
	if strings.Contains(log.String(), testKey) || strings.Contains(log.String(), nextKey) {
		t.Errorf("a key is in the log:\n%s", log.String())
	}
}

// The real process: a faulty accounts file changes nothing, a new key and a new account are taken on, SIGHUP is heeded
// at once, and nobody is refused meanwhile.
func TestAccountsAreReadAnewUnderWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	s.must(os.WriteFile(filepath.Join(s.dir, "next"), []byte(nextKey), 0o600))
	file := filepath.Join(s.dir, "accounts.yaml")
	write := func(text string) { s.must(os.WriteFile(file, []byte("accounts:\n"+text), 0o600)) }
	mine := func(key string) string { return fmt.Sprintf("  - {partner: %q, key_file: %s}\n", partner, key) }
	write(mine("key"))
	s.env = append(s.env, "ALIPAY_PARTNER=", "ALIPAY_KEY_FILE=", "FAHUO_ACCOUNTS="+file)
	const shipments, more = 60, 5
	s.accept(shipments)
	p := s.start()
	s.until("some are shipped", time.Minute, func() bool { return s.count(shipment.Shipped) >= 5 })

	write(mine("key") + "  - {partner: oops}\n")
	p.Signal(syscall.SIGHUP)
	p.WaitFor("nothing has changed")
	write(mine("next"))
	p.Signal(syscall.SIGHUP)
	p.WaitFor("are served so from now on")
	calls := len(s.gateway.Arrivals())
	s.accept(shipments + more) // should all have been shipped before
	write(mine("next") + fmt.Sprintf("  - {partner: %q, key_file: key, name: second}\n", neighbour))
	p.WaitFor(`"added":["` + neighbour + `"]`) // by itself
	s.until("all are shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == shipments+more })
	s.lawful()
	for _, a := range s.gateway.Arrivals()[calls+2:] { // a query and a call may have been signed before
		if !a.AlsoKey {
			t.Errorf("%s of %s is signed with the old key", a.Service, a.TradeNo)
		}
	}
	if a, err := s.book.Account(t.Context(), neighbour); err != nil || a.Name != "second" {
		t.Errorf("%+v %v", a, err)
	}
	if a, err := s.book.Account(t.Context(), partner); err != nil || a.Hold != nil {
		t.Errorf("%+v %v", a, err)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if strings.Contains(p.Output(), testKey) || strings.Contains(p.Output(), nextKey) {
		t.Error("a key is in the log")
	}
}

// BenchmarkKeyRotation replaces the key while 500 shipments are queued, and tells the longest gap between two calls in
// percent of the interval (asked: at most 110), and how many calls were refused (asked: none). At the real interval it
// looks at as many calls as three minutes have; else at all.
func BenchmarkKeyRotation(b *testing.B) {
	const queued = 500
	for interval, calls := range map[time.Duration]int{200 * time.Millisecond: queued, 10 * time.Second: 18} {
		b.Run("interval="+interval.String(), func(b *testing.B) {
			for b.Loop() {
				rotate(b, interval, queued, calls)
			}
		})
	}
}

// rotate replaces the key in the middle of so many calls.
func rotate(b *testing.B, interval time.Duration, queued, calls int) {
	b.Helper()
	s := newSite(b, interval, true)
	key := filepath.Join(s.dir, "key")
	s.accept(queued)
	p := s.start()
	shipped := func(n int) func() bool { return func() bool { return s.count(shipment.Shipped) >= int64(n) } }
	s.until("the middle", 5*time.Minute, shipped(calls/2))
	s.must(os.WriteFile(key, []byte(nextKey), 0o600))
	p.WaitFor("are served so from now on")
	s.until("the end", 5*time.Minute, shipped(calls))
	s.lawful()
	var longest time.Duration
	refused, anew := 0, 0
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() {
			longest = max(longest, a.Gap)
		}
		if a.Answer != "T" {
			refused++
		}
		if a.AlsoKey {
			anew++
		}
	}
	b.ReportMetric(100*float64(longest)/float64(interval), "longest-gap-%")
	b.ReportMetric(float64(refused), "refused")
	b.ReportMetric(float64(anew), "with-new-key")
	b.ReportMetric(0, "ns/op")
}
