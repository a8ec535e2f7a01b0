package outcome_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"fahuo/internal/ledger"
)

// A receiver that wants an hour's rest is replaced by another address: what is due is sent there at once, whether the
// old one had said so before or says it of a message that was still on its way.
func TestANewAddressNeedsNoRest(t *testing.T) {
	for name, late := range map[string]bool{"said before": false, "said afterwards": true} {
		t.Run(name, func(t *testing.T) {
			l := book(t)
			say := make(chan struct{})
			tired := newReceiver(t, newSecret, func(_ int, w http.ResponseWriter) bool {
				<-say
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusServiceUnavailable)
				return false
			})
			moved := newReceiver(t, newSecret, nil)
			c := start(t, l, hooks(t, []string{tired.url()}, newSecret), time.Minute)
			known(t, l, 1)
			happen(t, l, 0, 1)
			move := func() {
				c.Serve(hooks(t, []string{moved.url()}, newSecret))
				until(t, "the new address is announced", func() bool {
					all, err := l.Endpoints(t.Context())
					return err == nil && slices.ContainsFunc(all, func(e ledger.Endpoint) bool { return e.URL == moved.url() })
				})
			}
			until(t, "the first message is on its way", func() bool { return len(tired.messages()) == 1 })
			if late {
				move()
			}
			close(say)
			until(t, "the answer is recorded", func() bool {
				all, err := l.Deliveries(t.Context(), ledger.DeliveryFilter{}, ledger.DeliveryCursor{}, 10)
				return err == nil && slices.ContainsFunc(all, func(d ledger.Delivery) bool { return d.Status == http.StatusServiceUnavailable })
			})
			happen(t, l, 1, 2) // it is woken for this, and rests
			if !late {
				move()
			}
			happen(t, l, 2, 3)
			moved.await("what is due", func(got []message) bool { return len(acknowledgedIDs(got)) == 4 })
			if n := len(tired.messages()); n != 1 {
				t.Errorf("the old address had %d messages", n)
			}
		})
	}
}
