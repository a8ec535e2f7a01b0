package worker_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// takeAway lets the fence of a call pass at a step, and somebody else take the shipment over, once.
func (s *scene) takeAway(at worker.Step) {
	var once sync.Once
	s.options.OnStep = func(_ string, step worker.Step) {
		if step != at {
			return
		}
		once.Do(func() {
			if err := s.script(`UPDATE shipments SET fence_at = 1 WHERE state = 'calling'`); err != nil {
				s.t.Error(err)
				return
			}
			row, err := s.book.Get(context.Background(), parcel(0).Key())
			if err == nil {
				_, err = s.book.TakeOver(context.Background(), row, 0, "another", false)
			}
			if err != nil {
				s.t.Error(err)
			}
		})
	}
}

// An answer that comes after somebody else has taken the shipment over is added to the record, and what it says for
// good is believed: a success ships, and nobody calls again.
func TestAnAnswerAfterTheTakeOver(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, logged(&log), func(o *worker.Options) { o.WithoutFeeder = true }) // nobody else gets it first
	s.takeAway(worker.StepFinish)
	s.accept(parcel(0))
	s.feed()
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	s.until("said", func() bool { return strings.Contains(log.String(), "an answer came after the fence") })
	calls, err := s.book.Calls(t.Context(), parcel(0).Key())
	if err != nil || len(calls) != 2 || !calls[1].Late || calls[1].Verdict != "succeeded" {
		t.Errorf("%+v %v", calls, err)
	}
	if n := s.gateway.ShipCalls(parcel(0).TradeNo); n != 1 {
		t.Errorf("called %d times", n)
	}
	s.lawful()
}

// slowWrite is a connection that the kernel takes a ship call from only after the write window, as from a process
// that was stopped right before.
type slowWrite struct{ net.Conn }

// SetWriteDeadline implements net.Conn; the kernel knows nothing of it.
func (slowWrite) SetWriteDeadline(time.Time) error { return nil }

// Write implements net.Conn.
func (c slowWrite) Write(p []byte) (int, error) {
	if strings.Contains(string(p), alipay.ServiceShip) {
		stopped := time.NewTimer(1100 * time.Millisecond) // V is 1 s
		<-stopped.C
	}
	return c.Conn.Write(p)
}

// A request that was written after its window all the same is counted and logged, and its answer is waited for.
func TestALateWriteIsAnAlarm(t *testing.T) {
	t.Parallel()
	var log logbook
	registry := prometheus.NewRegistry()
	s := set(t, 20*time.Millisecond, logged(&log), func(o *worker.Options) { o.Metrics = registry })
	client, err := alipay.NewClient(alipay.Options{Gateway: s.gateway.URL(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return slowWrite{c}, err
	}})
	s.must(err)
	t.Cleanup(client.Close)
	s.options.Gateway = client
	s.accept(parcel(0))
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	if !strings.Contains(log.String(), "a request was written after its window") {
		t.Errorf("nothing in the log: %s", log.String())
	}
	want := "# HELP fahuo_late_writes_total Requests written after their window; must stay 0.\n# TYPE fahuo_late_writes_total counter\nfahuo_late_writes_total 1\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "fahuo_late_writes_total"); err != nil {
		t.Error(err)
	}
	if n := s.gateway.ShipCalls(parcel(0).TradeNo); n != 1 {
		t.Errorf("called %d times", n)
	}
	s.lawful()
}

// A worker with other settings than the one before it says so.
func TestAnIntervalThatDiffers(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, logged(&log))
	s.must(s.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: time.Minute}}))
	s.start()
	s.until("said", func() bool { return strings.Contains(log.String(), "interval differs from the one announced before") })
	s.until("announced", func() bool {
		a, err := s.book.Account(t.Context(), partner)
		s.must(err)
		return a.Interval == 20*time.Millisecond
	})
}

// A worker that is stopped while it waits for its Redis ends at once, without an error and without a call.
func TestStoppedBeforeItCouldBegin(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, logged(&log))
	s.redis.SetError("LOADING")
	s.accept(parcel(0))
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	s.until("waiting", func() bool { return strings.Contains(log.String(), "cannot reach the belt yet") })
	s.must(w.Stop(t.Context()))
	select {
	case err := <-w.Failed():
		t.Errorf("a stop is a fault: %v", err)
	default:
	}
	s.redis.SetError("")
	if strings.Contains(log.String(), `"working"`) || len(s.gateway.Arrivals()) != 0 {
		t.Errorf("it worked all the same: %s", log.String())
	}
}

// Somebody took another Redis for this ledger while this process was stopped: it gives up, and names the other.
func TestAnotherBeltWasTakenMeanwhile(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, time.Second, logged(&log))
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	s.until("a belt of its own", func() bool { return strings.Contains(log.String(), `"working"`) })
	// The other one will be live for a good while.
	now, err := s.book.Now(t.Context())
	s.must(err)
	s.must(s.script(`INSERT INTO ledger (name, value) VALUES ('belt', json_object('ID', 'other', 'Name', 'redis://other', 'Worker', 'w9', 'Seen', ?))
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, now.Add(time.Hour).UnixMicro()))
	var failed error
	s.until("refused", func() bool {
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

// A shipment that is in doubt goes back in line when the gateway is away for queries, whatever the worker is doing,
// and a stop does not wait for a query.
func TestAStopCutsAQueryOff(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond)
	s.opensAt(time.Now().Add(time.Hour)) // a query may take longer while the slot has to be waited for: until the stop at least
	s.gateway.Inject(alipaytest.Fault{Service: "query", TradeNo: parcel(0).TradeNo, Kind: alipaytest.Hang, Times: -1})
	s.accept(parcel(0))
	stop := s.start()
	s.until("a query", func() bool { return s.queries(parcel(0)) >= 1 })
	stop()
	if row := s.row(parcel(0)); row.State != shipment.Queued || row.Failures != 0 || len(s.called()) != 0 {
		t.Errorf("the stop has cost it something: %+v", row)
	}
	s.gateway.ClearFaults()
	s.opensAt(time.Now())
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	s.lawful()
}
