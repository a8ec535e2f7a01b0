package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// slowed is the account's state as the ledger has it.
func (s *scene) slowed() *ledger.Slowed {
	s.t.Helper()
	a, err := s.book.Account(s.t.Context(), partner)
	s.must(err)
	return a.Slowed
}

// Alipay is out of order: after ten calls in vain it is only probed, and when it answers again everything goes on at
// full pace by itself, with nothing lost and no dead letter.
func TestALaneSlowsWhileAlipayIsOutOfOrder(t *testing.T) {
	const interval, probe = 20 * time.Millisecond, time.Second
	for name, c := range map[string]struct {
		kind  alipaytest.FaultKind
		limit time.Duration // of an answer
	}{
		"SYSTEM_ERROR": {alipaytest.SystemError, callLimit},
		// No answer of Alipay's, however soon it comes: every call in vain closes the account until its fence.
		"HTTP 502": {alipaytest.ServerError, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(logbook)
			s := set(t, interval, func(o *worker.Options) {
				o.ProbeEvery, o.Log, o.CallTimeout = probe, zerolog.New(log), c.limit
			})
			s.gateway.Inject(alipaytest.Fault{Kind: c.kind, Times: -1})
			s.accept(parcels(60)...)
			s.start()
			const probes = 3
			s.until("some probes", func() bool { return len(s.called()) >= ledger.TroublesInARow+probes })
			if h := s.slowed(); h == nil || name == "SYSTEM_ERROR" && h.Code != "SYSTEM_ERROR" {
				t.Errorf("%+v", h)
			}
			s.gateway.ClearFaults()
			s.until("everything is shipped", func() bool { return s.counts()[shipment.Shipped] == 60 })
			n := 0
			for _, a := range s.gateway.Arrivals() {
				if !a.Ship() {
					continue
				}
				if n++; n > ledger.TroublesInARow && n <= ledger.TroublesInARow+probes && a.Gap < probe {
					t.Errorf("probe %d came %v after the call before it", n, a.Gap)
				}
			}
			if s.slowed() != nil || s.counts()[shipment.Dead] != 0 {
				t.Errorf("slowed %+v, %v", s.slowed(), s.counts())
			}
			for _, said := range []string{"10 calls in a row came to nothing", "full pace"} {
				if strings.Count(log.String(), said) != 1 {
					t.Errorf("%q is not said once:\n%s", said, log)
				}
			}
			s.lawful()
		})
	}
}
