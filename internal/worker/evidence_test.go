package worker_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// C1: a process is stopped between the refusal and its query, for so long that another one makes the query: when it
// goes on it makes none.
func TestTheEvidenceIsQueriedOnceWhoeverIsStopped(t *testing.T) {
	t.Parallel()
	for at, atLeast := range map[worker.Step]time.Duration{
		worker.StepFinished: 0,
		worker.StepClaimed:  10100 * time.Millisecond, // as long as a claim lasts
		worker.StepQuery:    10100 * time.Millisecond,
	} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			var log logbook
			reached, goOn := make(chan struct{}), make(chan struct{})
			s := set(t, 20*time.Millisecond, logged(&log), func(o *worker.Options) {
				o.Accounts[0].NoPreflight, o.WithoutRescue = true, true
				var once sync.Once
				o.OnStep = func(_ string, step worker.Step) {
					if step == at {
						once.Do(func() { close(reached); <-goOn })
					}
				}
			})
			s.gateway.Inject(alipaytest.Fault{TradeNo: parcel(1).TradeNo, Kind: alipaytest.StatusNotAvailable})
			s.accept(parcel(1))
			s.start()
			<-reached
			stopped := time.NewTimer(atLeast)
			s.age()
			other := s.options
			other.Name, other.OnStep = "w2", nil
			w, err := worker.New(other)
			s.must(err)
			s.must(w.Examine(t.Context()))
			if n := s.queries(parcel(1)); n != 1 {
				t.Errorf("%d queries by the other one", n)
			}
			<-stopped.C
			close(goOn)
			s.until("the first goes on", func() bool { return strings.Count(log.String(), "dead letter, for a person") == 2 })
			if n := s.queries(parcel(1)); n != 1 {
				t.Errorf("%d queries after the refusal", n)
			}
			if r := s.row(parcel(1)); r.State != shipment.Dead || r.TradeStatus != "WAIT_SELLER_SEND_GOODS" {
				t.Errorf("%+v", r)
			}
			s.lawful()
		})
	}
}

// The gateway is silent to a query for the evidence: a call past its fence is taken over all the same.
func TestTakeOversDoNotWaitForTheEvidence(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s := set(t, 20*time.Millisecond, func(o *worker.Options) {
		o.Accounts[0].NoPreflight = true
		var once sync.Once
		o.OnStep = func(_ string, step worker.Step) {
			if step == worker.StepClaimed { // from here on the query takes for ever
				once.Do(func() { close(asked); <-answer })
			}
		}
	})
	s.idle() // announces
	s.accept(parcels(2)...)
	s.refused(s.begun(parcel(1)))
	s.age()
	s.begun(parcel(0)) // by a process that has ended
	s.start()
	<-asked
	s.until("taken over", func() bool { return s.row(parcel(0)).State != shipment.Calling })
	close(answer)
	s.until("both settled", func() bool { return s.counts()[shipment.Shipped] == 1 && s.row(parcel(1)).TradeStatus != "" })
	s.lawful()
}
