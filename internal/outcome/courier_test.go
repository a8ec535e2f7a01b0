package outcome_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"fahuo/internal/ledger"
	"fahuo/internal/outcome"
	"fahuo/internal/outcome/webhook"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partner   = "2088900000000007"
	oldSecret = "whsec_b2xkLXNlY3JldC1vZi1hLXRlc3QtMDEyMzQ1Njc4OQ==" // of tests
	newSecret = "whsec_bmV3LXNlY3JldC1vZi1hLXRlc3QtMDEyMzQ1Njc4OQ=="
)

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

func book(t *testing.T) *ledger.Ledger {
	t.Helper()
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
}

// hooks are an account's webhooks, each with all of the given secrets.
func hooks(t *testing.T, urls []string, secrets ...string) map[string][]webhook.Webhook {
	t.Helper()
	env := make(map[string]string)
	var names []string
	for i, secret := range secrets {
		names = append(names, fmt.Sprint("SECRET", i))
		env[names[i]] = secret
	}
	var configs []webhook.Config
	for i, url := range urls {
		configs = append(configs, webhook.Config{Name: fmt.Sprint("hook", i), URL: url, SecretEnvs: names, AllowPrivate: true})
	}
	all, err := webhook.Load(configs, "", func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]webhook.Webhook{partner: all}
}

// start has a courier of little patience send.
func start(t *testing.T, b outcome.Book, h map[string][]webhook.Webhook, timeout time.Duration) *outcome.Courier {
	t.Helper()
	c := outcome.Hurried(outcome.Options{Book: b, Kind: ledger.OwnerAccount, Log: zerolog.New(zerolog.NewTestWriter(t))}, timeout)
	c.Serve(h)
	c.Start()
	t.Cleanup(func() { c.Stop(context.Background()) })
	return c
}

// known waits until the ledger knows of endpoints: what happens before is none of theirs.
func known(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	until(t, "the endpoints are announced", func() bool {
		all, err := l.Endpoints(t.Context())
		return err == nil && len(all) == n
	})
}

// until looks again and again: what a courier writes into a ledger gives no signal.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick, last := time.NewTicker(10*time.Millisecond), time.NewTimer(2*time.Minute)
	defer tick.Stop()
	defer last.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-last.C:
			t.Fatal("in vain: ", what)
		}
	}
}

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("%028d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, Batch: "b1",
	}
}

// happen lets shipments die and be closed: two events each.
func happen(t *testing.T, l *ledger.Ledger, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := l.Accept(t.Context(), []shipment.Shipment{parcel(n)}, ledger.AcceptOptions{}); err != nil {
			t.Fatal(err)
		}
		r, err := l.Get(t.Context(), parcel(n).Key())
		if err == nil {
			r, err = l.Settle(t.Context(), r, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonNotShippable}, "w")
		}
		if err == nil {
			_, err = l.CloseCase(t.Context(), r, "why", "wang")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// delivered waits until the ledger has nothing pending, and checks that everything was told, in each shipment's order.
func delivered(t *testing.T, l *ledger.Ledger, r *receiver, n int) {
	t.Helper()
	until(t, "everything is delivered", func() bool {
		counts, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
		return err == nil && counts[ledger.DeliveryPending] == 0
	})
	events, _, err := l.Events(t.Context(), nil, "", 100000)
	if err != nil || len(events) != n {
		t.Fatalf("%d events, not %d (%v)", len(events), n, err)
	}
	got := r.messages()
	acknowledged := acknowledgedIDs(got)
	body := make(map[string]string)
	for _, e := range events {
		body[e.ID] = string(e.Body)
		if !acknowledged[e.ID] {
			t.Errorf("%s about %s was never acknowledged", e.Type, e.Key)
		}
	}
	told := make(map[string]string) // what was acknowledged first of a shipment
	for i, m := range got {
		if body[m.ID] != m.Body {
			t.Errorf("message %d is not event %s", i, m.ID)
		}
		if m.Type == string(ledger.EventClosed) && told[m.TradeNo] == "" {
			t.Errorf("message %d tells that %s is closed before it was told that it is dead", i, m.TradeNo)
		}
		if m.Acknowledged && told[m.TradeNo] == "" {
			told[m.TradeNo] = m.Type
		}
	}
}

// A receiver that fails half of the time and is killed at times, and two couriers of which one is killed at times: every
// outcome arrives, in its order, under one id.
func TestEveryOutcomeArrives(t *testing.T) {
	for engine, url := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db") },
		"postgres": func() string { return proctest.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			l := open(t, url())
			r := newReceiver(t, newSecret, func(n int, w http.ResponseWriter) bool {
				switch n % 4 {
				case 0:
					w.WriteHeader(http.StatusInternalServerError)
					return false
				case 1:
					panic(http.ErrAbortHandler) // the connection is cut without an answer
				}
				w.WriteHeader(http.StatusNoContent)
				return true
			})
			h := hooks(t, []string{r.url()}, newSecret)
			start(t, l, h, time.Second)
			known(t, l, 1)
			const rounds, each = 4, 8
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			for round := range rounds {
				other := start(t, l, h, time.Second)
				happen(t, l, round*each, (round+1)*each)
				r.await("a message", func(got []message) bool { return len(got) > round*each })
				other.Stop(gone) // whatever it has in hand
				r.end()
				r.begin()
			}
			delivered(t, l, r, rounds*each*2)
		})
	}
}

// forgetful is a ledger that is lost sight of right after an answer came.
type forgetful struct{ outcome.Book }

func (forgetful) Attempted(context.Context, ledger.Delivery, ledger.Attempted) error {
	return errors.New("the process has died")
}

// A process dies between the answer and its record: the message is sent again, as the same.
func TestACrashBetweenAnswerAndRecord(t *testing.T) {
	l := book(t)
	r := newReceiver(t, newSecret, nil)
	h := hooks(t, []string{r.url()}, newSecret)
	dying := start(t, forgetful{l}, h, 200*time.Millisecond)
	known(t, l, 1)
	happen(t, l, 0, 1)
	r.await("the first message", func(got []message) bool { return len(acknowledgedIDs(got)) == 1 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	dying.Stop(gone)
	start(t, l, h, time.Second)
	delivered(t, l, r, 2)
	got := r.messages()
	if len(got) < 3 || got[0].ID != got[1].ID || got[0].Body != got[1].Body {
		t.Errorf("the repeat is not the same: %v", got)
	}
}

// An endpoint that never answers keeps nothing from the other.
func TestAnEndpointThatIsDownDelaysNoOther(t *testing.T) {
	l := book(t)
	release := make(chan struct{})
	silent := newReceiver(t, newSecret, func(int, http.ResponseWriter) bool {
		<-release
		return false
	})
	t.Cleanup(func() { close(release) })
	well := newReceiver(t, newSecret, nil)
	c := start(t, l, hooks(t, []string{silent.url(), well.url()}, newSecret), time.Hour)
	known(t, l, 2)
	happen(t, l, 0, 20)
	well.await("all of it", func(got []message) bool { return len(acknowledgedIDs(got)) == 40 })
	if got := acknowledgedIDs(silent.messages()); len(got) != 0 {
		t.Errorf("the silent one has acknowledged %v", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	c.Stop(gone)
}

// While secrets are exchanged each message verifies with the old one and with the new one; afterwards with the new one
// alone.
func TestRotationOfSecrets(t *testing.T) {
	l := book(t)
	before, after := newReceiver(t, oldSecret, nil), newReceiver(t, newSecret, nil)
	c := start(t, l, hooks(t, []string{before.url(), after.url()}, oldSecret, newSecret), time.Minute)
	known(t, l, 2)
	happen(t, l, 0, 1)
	for _, r := range []*receiver{before, after} {
		r.await("both events", func(got []message) bool { return len(acknowledgedIDs(got)) == 2 })
	}
	// The first endpoint moves to a receiver that knows the new secret only: what it was is what it is, by its name.
	moved := newReceiver(t, newSecret, nil)
	c.Serve(hooks(t, []string{moved.url(), after.url()}, newSecret))
	until(t, "the new address is announced", func() bool {
		all, err := l.Endpoints(t.Context())
		return err == nil && slices.ContainsFunc(all, func(e ledger.Endpoint) bool { return e.URL == moved.url() })
	})
	happen(t, l, 1, 2)
	moved.await("what happened since", func(got []message) bool { return len(acknowledgedIDs(got)) == 2 })
	if n := len(before.messages()); n != 2 {
		t.Errorf("the old address had %d messages", n)
	}
}

// What is given up may be replayed, under the same id.
func TestGoneAndReplayed(t *testing.T) {
	l := book(t)
	r := newReceiver(t, newSecret, func(n int, w http.ResponseWriter) bool {
		if n < 2 {
			w.WriteHeader(http.StatusGone)
			return false
		}
		return true
	})
	start(t, l, hooks(t, []string{r.url()}, newSecret), time.Minute)
	known(t, l, 1)
	happen(t, l, 0, 1)
	failed := func() int64 {
		counts, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
		if err != nil {
			t.Error(err)
		}
		return counts[ledger.DeliveryFailed]
	}
	until(t, "both are given up", func() bool { return failed() == 2 })
	if n, err := l.Replay(t.Context(), ledger.DeliveryFilter{State: ledger.DeliveryFailed}, "wang"); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	r.await("both again", func(got []message) bool { return len(acknowledgedIDs(got)) == 2 })
	if got := r.messages(); len(got) != 4 || got[2].ID != got[0].ID || got[3].ID != got[1].ID {
		t.Errorf("messages %v", got)
	}
}
