package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

const webhookSecret = "whsec_b2Ytd2ViaG9va3Mtb2YtYS1wcm9jZXNzLXRlc3Q="

// withWebhook gives the site's account a webhook, by an accounts file instead of variables.
func (s *site) withWebhook(url string) {
	s.t.Helper()
	s.must(os.WriteFile(filepath.Join(s.dir, "hook"), []byte(webhookSecret+"\n"), 0o600))
	s.must(os.WriteFile(filepath.Join(s.dir, "accounts.yaml"), fmt.Appendf(nil, `accounts:
  - partner: "%s"
    key_file: key
    webhooks:
      - name: erp
        url: %s
        secret_files: [hook]
        allow_private: true
`, partner, url), 0o600))
	s.env = slices.DeleteFunc(s.env, func(v string) bool {
		return strings.HasPrefix(v, "ALIPAY_PARTNER=") || strings.HasPrefix(v, "ALIPAY_KEY_FILE=")
	})
	s.env = append(s.env, "FAHUO_ACCOUNTS="+filepath.Join(s.dir, "accounts.yaml"))
}

// A worker is killed while a message is on its way: the receiver has it, and its answer was never read. It comes again
// under the same id, and every other outcome comes, too.
func TestOutcomesArriveThoughWorkersAreKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, 50*time.Millisecond, false)
	verifier, err := standardwebhooks.NewWebhook(webhookSecret)
	s.must(err)
	const n = 12
	var mu sync.Mutex
	times := make(map[string]int) // how often each message came
	arrived := make(chan string, 10*n)
	answer := make(chan struct{}) // closed: messages are answered
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil {
			t.Error(err)
		}
		id := r.Header.Get("webhook-id")
		mu.Lock()
		times[id]++
		mu.Unlock()
		arrived <- id
		select {
		case <-answer:
		case <-r.Context().Done(): // the worker is dead
		}
	}))
	defer receiver.Close()
	s.withWebhook(receiver.URL)
	p := s.start()
	s.until("the webhook is announced", time.Minute, func() bool {
		all, err := s.book.Endpoints(context.Background())
		return err == nil && len(all) == 1
	})
	s.accept(n)
	first := <-arrived
	p.Kill()
	close(answer)
	s.start()
	s.until("all told", 3*time.Minute, func() bool {
		counts, err := s.book.CountDeliveries(context.Background(), ledger.DeliveryFilter{})
		return err == nil && counts[ledger.DeliveryDelivered] == n && s.count(shipment.Shipped) == n
	})
	mu.Lock()
	defer mu.Unlock()
	if len(times) != n || times[first] < 2 {
		t.Errorf("%d messages; the one whose answer was never read came %d times", len(times), times[first])
	}
}
