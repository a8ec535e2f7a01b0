package worker_test

import (
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// A gateway that is slow or silent for one account: its calls never overlap and keep their distance, and the
// other account has all its work done long before. The times are those of the default settings by a fiftieth:
// 12 s at an interval of 10 s and a call timeout of 15 s.
func TestASickGatewayForOneAccount(t *testing.T) {
	for name, fault := range map[string]alipaytest.Fault{
		"answers in 12 s":                {Kind: alipaytest.SlowAnswer, When: alipaytest.After, Delay: 240 * time.Millisecond},
		"ships in 12 s":                  {Kind: alipaytest.SlowAnswer, When: alipaytest.Before, Delay: 240 * time.Millisecond},
		"answers after the call timeout": {Kind: alipaytest.SlowAnswer, When: alipaytest.After, Delay: 400 * time.Millisecond},
		"never answers, and ships":       {Kind: alipaytest.Hang, When: alipaytest.After},
		"never answers, nor ships":       {Kind: alipaytest.Hang, When: alipaytest.Before, Times: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const interval, sick, well = 200 * time.Millisecond, 3, 8
			s := set(t, interval, func(o *worker.Options) {
				o.CallTimeout = 300 * time.Millisecond
				creds := *o.Accounts[0].Credentials
				creds.Partner = neighbour
				o.Accounts = append(o.Accounts, worker.Account{Name: "neighbour", Interval: interval, Credentials: &creds})
			})
			fault.Partner = partner
			if fault.Times == 0 {
				fault.Times = -1
			}
			s.gateway.Inject(fault)
			all := parcels(sick)
			for n := range well {
				p := parcel(100 + n)
				p.Partner = neighbour
				all = append(all, p)
			}
			s.accept(all...)
			s.start()
			s.until("the neighbour's shipments", func() bool { return s.countOf(neighbour) == well })
			s.until("all shipped", func() bool { return s.countOf(partner) == sick })
			if fault.Kind == alipaytest.Hang && !s.lastSettled(all[:sick]).After(s.lastSettled(all[sick:])) {
				t.Error("the sick account was as fast: this test looks at nothing")
			}
			s.lawful()
			ships := 0
			for _, a := range s.gateway.Arrivals() {
				if a.Service == alipay.ServiceShip && a.Partner == neighbour {
					ships++
				}
			}
			if ships != well {
				t.Errorf("%d calls for the neighbour's %d shipments", ships, well)
			}
		})
	}
}

// lastSettled is when the last of some shipments was settled.
func (s *scene) lastSettled(some []shipment.Shipment) (last time.Time) {
	s.t.Helper()
	for _, p := range some {
		if at := s.row(p).SettledAt; at.After(last) {
			last = at
		}
	}
	return last
}

// countOf counts an account's shipped ones.
func (s *scene) countOf(partner string) int64 {
	s.t.Helper()
	counts, err := s.book.Counts(s.t.Context(), ledger.Scope{Partner: partner})
	s.must(err)
	return counts[shipment.Shipped]
}
