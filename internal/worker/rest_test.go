package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// Without rescue the handler itself takes over a call that nobody has finished, and asks before it calls.
func TestTheHandlerTakesOver(t *testing.T) {
	t.Parallel()
	s := set(t, 20*time.Millisecond, func(o *worker.Options) { o.WithoutRescue, o.WithoutFeeder = true, true })
	s.must(s.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: 20 * time.Millisecond}}))
	s.accept(parcel(0))
	s.feed()
	_, err := s.book.Begin(t.Context(), s.row(parcel(0)), ledger.Attempt{Service: alipay.ServiceShip, Worker: "dead", Params: "{}"})
	s.must(err)
	s.start()
	s.until("shipped", s.is(parcel(0), shipment.Shipped))
	if n := s.queries(parcel(0)); n == 0 {
		t.Error("called in doubt without a query")
	}
	s.lawful()
}

// The ledger goes away for good while a call is under way: its answer is kept and tried again until Stop gives up
// waiting, and then it says so.
func TestAnAnswerThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	var log logbook
	s := set(t, 20*time.Millisecond, logged(&log))
	s.gateway.Inject(alipaytest.Fault{Kind: alipaytest.SlowAnswer, When: alipaytest.After, Delay: 200 * time.Millisecond})
	s.accept(parcel(0))
	w, err := worker.New(s.options)
	s.must(err)
	w.Start()
	s.until("a call", func() bool { return len(s.called()) == 1 })
	s.must(s.book.Close())
	s.until("said", func() bool { return strings.Contains(log.String(), "the answer cannot be recorded yet") })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if w.Stop(ctx) == nil {
		t.Error("stopped as if everything had been recorded")
	}
	s.must(w.Stop(context.Background())) // what was under way has ended by now
}
