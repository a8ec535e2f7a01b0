package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(asWorker); text != "" {
		os.Exit(workerProcess(text))
	}
	goleak.VerifyTestMain(m)
}

const (
	partner   = "2088900000000001"
	neighbour = "2088900000000002"                 // the gateway knows it; tests that need it give it to the worker
	testKey   = "worker-test-key-0123456789abcdef" // a test key
)

// scene is a worker with everything around it real but Redis, which is miniredis: the production client
// over HTTP to the simulated gateway, a ledger in a file.
type scene struct {
	t       *testing.T
	gateway *alipaytest.Server
	redis   *miniredis.Miniredis
	book    *ledger.Ledger
	belt    *tasks.Belt
	options worker.Options

	mu      sync.Mutex
	events  []worker.Event
	changed chan struct{}
}

// callLimit is how long an answer is waited for: much longer than it takes, since a machine that is slow for a moment
// would put a call in doubt. Whoever has to wait for a fence gives less, as impatient does.
const callLimit = 20 * time.Second

// set builds a scene; adjust may change what the worker will be made of.
func set(t *testing.T, interval time.Duration, adjust ...func(*worker.Options)) *scene {
	t.Helper()
	s := &scene{t: t, changed: make(chan struct{})}
	creds := alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey)}
	other := creds
	other.Partner = neighbour
	var err error
	s.gateway, err = alipaytest.Start(alipaytest.Options{
		Accounts: []alipaytest.Account{{Credentials: creds, AlsoKey: alipay.NewSecret(nextKey)}, {Credentials: other}}, Interval: interval, AutoTrades: true,
	})
	s.must(err)
	t.Cleanup(func() { s.must(s.gateway.Close()) })
	client, err := alipay.NewClient(alipay.Options{Gateway: s.gateway.URL(), UserTimeout: callLimit})
	s.must(err)
	t.Cleanup(client.Close)
	s.redis = miniredis.RunT(t)
	s.belt, err = tasks.Connect("redis://"+s.redis.Addr(), "")
	s.must(err)
	t.Cleanup(func() { s.must(s.belt.Close()) })
	book, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	s.must(err)
	t.Cleanup(func() { s.must(book.Close()) })
	s.options = worker.Options{
		Accounts: []worker.Account{{Name: "test", Interval: interval, Credentials: &creds}},
		Gateway:  client, Book: book, Belt: s.belt, CallTimeout: callLimit,
		Retry: worker.Retry{Base: 50 * time.Millisecond, Cap: time.Second, For: time.Hour},
		Name:  "w1", Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel), OnEvent: s.note,
	}
	for _, f := range adjust {
		f(&s.options)
	}
	s.book = s.options.Book // adjust may have given it another one
	return s
}

// logbook is a log that may be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) note(e worker.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

// start runs a worker until the test ends or the returned function is called.
func (s *scene) start() (stop func()) {
	s.t.Helper()
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	stop = sync.OnceFunc(func() {
		if err := w.Stop(context.Background()); err != nil {
			s.t.Errorf("stop: %v", err)
		}
	})
	s.t.Cleanup(stop)
	return stop
}

// How long until waits: while nothing happens, and altogether. How much happens in a minute is the machine's
// business, and no test's.
const (
	untilSilent = 60 * time.Second
	untilLast   = 5 * time.Minute
)

// until waits for a condition, which is looked at again at every event of the worker and the gateway, and now
// and then: logs and other servers give no signal.
func (s *scene) until(what string, done func() bool) {
	s.t.Helper()
	last, silent := time.NewTimer(untilLast), time.NewTimer(untilSilent)
	defer last.Stop()
	defer silent.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		gateway := s.gateway.Changed()
		if done() {
			return
		}
		select {
		case <-changed:
			silent.Reset(untilSilent)
		case <-gateway:
			silent.Reset(untilSilent)
		case <-ticker.C:
		case <-silent.C:
			s.t.Fatalf("in vain, and nothing happens any more: %s\n%s", what, s.story())
		case <-last.C:
			s.t.Fatalf("in vain: %s\n%s", what, s.story())
		}
	}
}

// story is what has happened, for a test that fails.
func (s *scene) story() string {
	text := ""
	for _, a := range s.gateway.Arrivals() {
		text += fmt.Sprintf("%3d %-32s %s gap %v: %s\n", a.N, a.Service, a.TradeNo, a.Gap, a.Answer)
	}
	return text
}

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("20261123000010010000%08d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, Batch: "b1",
	}
}

func parcels(n int) []shipment.Shipment {
	all := make([]shipment.Shipment, n)
	for i := range all {
		all[i] = parcel(i)
	}
	return all
}

func (s *scene) accept(shipments ...shipment.Shipment) {
	s.t.Helper()
	_, err := s.book.Accept(s.t.Context(), shipments, ledger.AcceptOptions{})
	s.must(err)
}

// feed does what the feeder would do, for scenes without one.
func (s *scene) feed() {
	s.t.Helper()
	_, err := intake.Feed(s.t.Context(), s.book, s.belt)
	s.must(err)
}

func (s *scene) row(p shipment.Shipment) ledger.Row {
	s.t.Helper()
	r, err := s.book.Get(s.t.Context(), p.Key())
	s.must(err)
	return r
}

func (s *scene) is(p shipment.Shipment, state shipment.State) func() bool {
	return func() bool { return s.row(p).State == state }
}

func (s *scene) counts() map[shipment.State]int64 {
	s.t.Helper()
	c, err := s.book.Counts(s.t.Context(), ledger.Scope{})
	s.must(err)
	return c
}

func (s *scene) hold() *ledger.Hold {
	s.t.Helper()
	a, err := s.book.Account(s.t.Context(), partner)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil // the worker has not announced it yet
	}
	s.must(err)
	return a.Hold
}

// queries counts the queries of a trade.
func (s *scene) queries(p shipment.Shipment) (n int) {
	for _, a := range s.gateway.Arrivals() {
		if a.Service == alipay.ServiceQuery && a.TradeNo == p.TradeNo {
			n++
		}
	}
	return n
}

// called lists the trades in the order of their ship calls.
func (s *scene) called() (order []string) {
	for _, a := range s.gateway.Arrivals() {
		if a.Ship() {
			order = append(order, a.TradeNo)
		}
	}
	return order
}

// lawful fails the test if the gateway has seen a law broken or asynq has given something up. What a person has
// decided is to be seen exactly once.
func (s *scene) lawful(decided ...alipaytest.Law) {
	s.t.Helper()
	for _, b := range s.gateway.Breaches() {
		if i := slices.Index(decided, b.Law); i >= 0 {
			decided = slices.Delete(decided, i, i+1)
			continue
		}
		s.t.Errorf("law broken: %+v", b)
	}
	if len(decided) > 0 {
		s.t.Errorf("not seen: %v", decided)
	}
	n, err := s.belt.Archived(s.t.Context(), []string{partner})
	if err != nil || n != 0 {
		s.t.Errorf("asynq has archived %d tasks (%v)", n, err)
	}
	if s.t.Failed() {
		s.t.Log(s.story())
	}
}
