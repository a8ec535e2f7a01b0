package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// alone is a scene whose account is announced, as a worker would have done, and in which no worker runs.
func alone(t *testing.T) *scene {
	t.Helper()
	const interval = 50 * time.Millisecond
	s := set(t, interval)
	s.must(s.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: interval}}))
	s.options.Belt = nil
	return s
}

func (s *scene) shipOne(ctx context.Context, p shipment.Shipment) (ledger.Row, error) {
	s.t.Helper()
	return worker.ShipOne(ctx, s.options, p.Key())
}

// Beside running workers with a queue of their own, the one shipment is called once, by whomever, and in the pace.
func TestShipOneBesideAWorker(t *testing.T) {
	t.Parallel()
	s := set(t, 50*time.Millisecond)
	s.start()
	s.accept(parcels(6)...)
	s.until("the first call", func() bool { return len(s.called()) > 0 })
	one := parcel(100)
	one.Urgent = true
	s.accept(one)
	o := s.options
	o.Name = "one"
	row, err := worker.ShipOne(t.Context(), o, one.Key())
	if err != nil || row.State != shipment.Shipped {
		t.Fatalf("%+v, %v", row, err)
	}
	again, err := worker.ShipOne(t.Context(), o, one.Key())
	if err != nil || again.Version != row.Version {
		t.Errorf("%+v, %v", again, err)
	}
	s.until("all shipped", func() bool { return s.counts()[shipment.Shipped] == 7 })
	if n := len(s.called()); n != 7 {
		t.Errorf("%d ship calls for 7 shipments", n)
	}
	s.lawful()
}

// What Alipay did not answer is queried after its fence and not called a second time; a worker that comes finds it
// marked, and goes on with it.
func TestShipOneLeavesTheRestToAWorker(t *testing.T) {
	t.Parallel()
	s := alone(t)
	impatient(&s.options)
	p := parcel(1)
	s.accept(p)
	s.gateway.Inject(alipaytest.Fault{TradeNo: p.TradeNo, Kind: alipaytest.Reset})
	row, err := s.shipOne(t.Context(), p)
	if err != nil || row.State != shipment.Queued || !row.Doubt || !row.Feed || len(s.called()) != 1 {
		t.Fatalf("%+v, %v, %d calls", row, err, len(s.called()))
	}
	s.options.Belt = s.belt
	s.start()
	s.until("shipped by the worker", s.is(p, shipment.Shipped))
	if n := len(s.called()); n != 2 {
		t.Errorf("%d ship calls", n)
	}
	s.lawful()
}

// It waits for an account on hold until its time is over, and the shipment stays where it was.
func TestShipOneOfAHeldAccount(t *testing.T) {
	t.Parallel()
	s := alone(t)
	p := parcel(1)
	s.accept(p)
	_, err := s.book.SetHold(t.Context(), partner, ledger.HoldManual, "stocktaking", "wang")
	s.must(err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	row, err := s.shipOne(ctx, p)
	if !errors.Is(err, context.DeadlineExceeded) || row.State != shipment.Queued || row.Attempt != 0 {
		t.Errorf("%+v, %v", row, err)
	}
	if n := len(s.called()); n != 0 {
		t.Errorf("%d ship calls", n)
	}
}

// A gateway that cannot be reached is told at once: nothing was sent.
func TestShipOneWithoutAGateway(t *testing.T) {
	t.Parallel()
	s := alone(t)
	p := parcel(1)
	s.accept(p)
	s.must(s.gateway.Close())
	row, err := s.shipOne(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "connect to") || row.State != shipment.Queued || row.SentAttempts != 0 {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestShipOneWantsOneAccount(t *testing.T) {
	t.Parallel()
	s := alone(t)
	other := parcel(1)
	other.Partner = neighbour
	if _, err := s.shipOne(t.Context(), other); err == nil || !strings.Contains(err.Error(), "U4") {
		t.Error(err)
	}
	s.options.Accounts = nil
	if _, err := s.shipOne(t.Context(), parcel(1)); err == nil || !strings.Contains(err.Error(), "no account") {
		t.Error(err)
	}
	if _, err := worker.New(s.options); err == nil || !strings.Contains(err.Error(), "belt") {
		t.Error("a worker without a belt", err)
	}
}
