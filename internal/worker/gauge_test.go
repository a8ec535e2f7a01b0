package worker_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

func TestGaugesCountTheLedger(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := set(t, time.Second, func(o *worker.Options) { o.Metrics = registry })
	w := s.idle()
	s.accept(parcels(3)...)
	_, err := s.book.Settle(t.Context(), s.row(parcel(0)), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
	s.must(err)
	_, err = s.book.SetHold(t.Context(), partner, ledger.HoldManual, "x", "y")
	s.must(err)
	s.must(w.Gauge(t.Context()))
	want := `
# HELP fahuo_account_held 1 while the account is on hold; up to 15 s old.
# TYPE fahuo_account_held gauge
fahuo_account_held{partner="` + partner + `"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "fahuo_account_held"); err != nil {
		t.Error(err)
	}
	metrics := httptest.NewRecorder()
	worker.Handler(registry, nil).ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`fahuo_shipments{partner="` + partner + `",state="queued"} 2`, `fahuo_dead_letters{reason="not_shippable"} 1`, `fahuo_late_writes_total 0`,
	} {
		if !strings.Contains(metrics.Body.String(), line) {
			t.Errorf("missing: %s", line)
		}
	}
}

// interrupted is a context that does something before the ledger is asked for the n-th time.
type interrupted struct {
	context.Context
	left *int
	do   func()
}

func (c interrupted) Deadline() (time.Time, bool) {
	if *c.left--; *c.left == 0 {
		c.do()
	}
	return c.Context.Deadline()
}

// Of an account that is taken out while the ledger is counted nothing stays, wherever in the counting it happens.
func TestGaugesOfAnAccountThatIsTakenOut(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := set(t, time.Second, func(o *worker.Options) { o.Metrics = registry })
	w := s.idle()
	mine := s.options.Accounts[0]
	theirs := anew(mine, func(_ *worker.Account, c *alipay.Credentials) { c.Partner = neighbour })
	serve := func(accounts ...worker.Account) {
		if _, err := w.Reconfigure(context.Background(), accounts); err != nil {
			t.Error(err)
		}
	}
	places := 0
	for over := false; !over; places++ {
		serve(mine, theirs)
		s.must(w.Gauge(t.Context()))
		left := places + 1
		s.must(w.Gauge(interrupted{t.Context(), &left, func() { serve(mine) }}))
		if over = left > 0; over {
			serve(mine)
		}
		families, err := registry.Gather()
		s.must(err)
		for _, f := range families {
			if strings.Contains(f.String(), neighbour) {
				t.Errorf("taken out at place %d, and there is still %s", places, f)
			}
		}
	}
	if places < 4 {
		t.Errorf("the ledger was asked %d times", places)
	}
}

func TestReadinessSaysWhatDoesNotAnswer(t *testing.T) {
	checks := worker.Checks{"ledger": func(context.Context) error { return nil }, "redis": func(context.Context) error { return errors.New("refused") }}
	both := make(chan struct{}) // neither answers before the other is asked: one that hangs is waited for beside the rest
	meet := func(context.Context) error {
		select {
		case both <- struct{}{}:
		case <-both:
		}
		return nil
	}
	checks["one"], checks["other"] = meet, meet
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		answer := httptest.NewRecorder()
		worker.Handler(prometheus.NewRegistry(), func() worker.Checks { return checks }).
			ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if answer.Code != want || (want == 503 && !strings.Contains(answer.Body.String(), `"redis":"refused"`)) {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
}
