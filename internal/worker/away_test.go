package worker_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

func logged(log *logbook) func(*worker.Options) {
	return func(o *worker.Options) { o.Log = zerolog.New(log).Level(zerolog.DebugLevel) }
}

// Redis is away at the start and again later: the worker says so, waits, and goes on by itself.
func TestRedisAwayAtTheStartAndLater(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, logged(&log))
	says := func(text string) { s.until(text, func() bool { return strings.Contains(log.String(), text) }) }
	s.redis.SetError("LOADING Redis is loading the dataset in memory")
	s.accept(parcels(3)...)
	s.start()
	says("cannot reach the belt yet; waiting")
	s.redis.SetError("")
	s.until("shipped", func() bool { return s.counts()[shipment.Shipped] == 3 })
	s.redis.SetError("LOADING Redis is loading the dataset in memory")
	says("cannot feed the belt")
	says("cannot rescue")
	s.accept(parcel(10))
	s.redis.SetError("")
	says("can feed the belt again")
	s.until("shipped", func() bool { return s.counts()[shipment.Shipped] == 4 })
	s.lawful()
}

// Whatever a loop does, an error is handed up and nothing is concluded from it.
func TestLoopsHandErrorsUp(t *testing.T) {
	loops := func(w *worker.Worker) map[string]func(context.Context) error {
		return map[string]func(context.Context) error{"feed": w.Feed, "rescue": w.Rescue, "reload": w.Reload}
	}
	t.Run("Redis away", func(t *testing.T) {
		s := set(t, time.Second)
		w := s.idle()
		s.accept(parcels(2)...)
		s.feed()
		s.redis.SetError("away")
		for name, loop := range loops(w) {
			if loop(t.Context()) == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
	t.Run("ledger away", func(t *testing.T) {
		s := set(t, time.Second)
		w := s.idle()
		s.accept(parcels(2)...)
		s.must(s.book.Close())
		all := loops(w)
		all["gauge"] = w.Gauge
		for name, loop := range all {
			if loop(t.Context()) == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}

// Another worker of this ledger uses another Redis, and goes on saying so: this one gives up and names it.
func TestAnotherBeltInUse(t *testing.T) {
	t.Parallel()
	s := set(t, time.Second)
	w, err := worker.New(s.options)
	s.must(err)
	other := ledger.Belt{ID: "other", Name: "redis://other", Worker: "w9"}
	use := func() { _, err := s.book.UseBelt(t.Context(), other); s.must(err) }
	use()
	w.Start()
	var failed error
	s.until("refused", func() bool {
		use()
		select {
		case failed = <-w.Failed():
			return true
		default:
			return false
		}
	})
	if !strings.Contains(failed.Error(), "redis://other") || !strings.Contains(failed.Error(), "w9") {
		t.Errorf("%v", failed)
	}
	s.must(w.Stop(context.Background()))
}

// The gateway cannot be reached: nothing was sent, nothing is counted, it is tried again.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	var log logbook
	var refused atomic.Int64
	s := set(t, 20*time.Millisecond, logged(&log), func(o *worker.Options) { o.Accounts[0].NoPreflight = true })
	client, err := alipay.NewClient(alipay.Options{Gateway: s.gateway.URL(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if refused.Add(1) <= 3 {
			return nil, errors.New("refused for the test")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	s.must(err)
	t.Cleanup(client.Close)
	s.options.Gateway = client
	s.accept(parcel(0))
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	row := s.row(parcel(0))
	if row.SentAttempts != 1 || row.Failures != 0 || !strings.Contains(log.String(), "refused for the test") {
		t.Errorf("%+v\n%s", row, log.String())
	}
	s.lawful()
}

// A shipment that its account's charset cannot express is a dead letter, not an endless attempt.
func TestWhatCannotBeSaidInTheAccountsCharset(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
		creds := *o.Accounts[0].Credentials
		creds.Charset = alipay.GB2312
		o.Accounts[0].Credentials, o.Accounts[0].NoPreflight = &creds, true
	})
	strange := parcel(0)
	strange.LogisticsName = "镕通快递"
	s.accept(strange)
	s.start()
	s.until("dead", s.is(strange, shipment.Dead))
	if row := s.row(strange); row.Reason != shipment.ReasonIllegalArgument || row.SentAttempts != 0 {
		t.Errorf("%+v", row)
	}
}

// A copy of a task whose shipment is not due yet: back in line for its time, and called no sooner.
func TestACopyOfWhatIsNotDue(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.Retry.Base, o.Retry.Cap = 1500*time.Millisecond, 1500*time.Millisecond })
	s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(0).TradeNo, Kind: alipaytest.BusyRetry})
	s.accept(parcel(0))
	s.start()
	s.until("back in line", func() bool { return s.row(parcel(0)).Failures == 1 && !s.row(parcel(0)).Feed })
	row := s.row(parcel(0))
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: parcel(0), Line: tasks.Main}))
	s.until("the copy gone", func() bool {
		taken, err := s.belt.IDTaken(t.Context(), tasks.Item{Shipment: parcel(0), Line: tasks.Main})
		return err == nil && !taken
	})
	// And one under the very id that its successor would have.
	s.redis.FlushAll()
	s.must(s.belt.Put(t.Context(), tasks.Item{Shipment: parcel(0), Line: tasks.Retry, N: row.Version}))
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	if ships := s.shipCalls(parcel(0)); len(ships) != 2 || ships[1].BegunAt.Before(row.NotBefore) {
		t.Errorf("called before its time: %+v", ships)
	}
	if n := len(s.called()); n != 2 {
		t.Errorf("%d ship calls", n)
	}
	s.lawful()
}

// A hold that comes while a shipment waits for its slot is kept, and the shipment goes on after it.
func TestAHoldWhileTheSlotIsWaitedFor(t *testing.T) {
	t.Parallel()
	waits := make(chan struct{})
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
		o.Accounts[0].NoPreflight = true
		var once sync.Once
		o.OnStep = func(_ string, step worker.Step) {
			if step == worker.StepConnect { // from here on it waits for the slot
				once.Do(func() { close(waits) })
			}
		}
	})
	s.opensAt(time.Now().Add(time.Hour)) // so that the hold comes first
	s.accept(parcel(0))
	s.start()
	<-waits
	_, err := s.book.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "op")
	s.must(err)
	s.until("the hold seen", func() bool {
		for _, e := range s.happened() {
			if e.Kind == worker.EventHeld {
				return true
			}
		}
		return false
	})
	s.opensAt(time.Now())
	if n := len(s.called()); n != 0 {
		t.Errorf("%d calls on hold", n)
	}
	_, err = s.book.Release(t.Context(), partner, "", "op")
	s.must(err)
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	s.lawful()
}

// opensAt sets the time at which the account's slot opens.
func (s *scene) opensAt(at time.Time) {
	s.t.Helper()
	s.must(s.book.Announce(s.t.Context(), []ledger.Account{{Partner: partner, Interval: s.options.Accounts[0].Interval}}))
	s.must(s.script(`UPDATE accounts SET open_at = ?`, at.UnixMicro()))
}

func (s *scene) happened() []worker.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]worker.Event(nil), s.events...)
}
