package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// handing is many clients that hand over a thousand shipments, each again until it has been answered.
type handing struct {
	server   atomic.Pointer[server]
	next     atomic.Int64
	answers  atomic.Int64
	enough   [kills + 1]chan struct{} // closed as answers come in
	revived  [kills + 1]chan struct{} // closed when the server is there again
	mu       sync.Mutex
	accepted map[int]int // by number, how often "accepted" was answered
}

const (
	requests = 1000
	kills    = 4
)

func (h *handing) client(ctx context.Context, t *testing.T) {
	for {
		n := int(h.next.Add(1))
		if n > requests {
			return
		}
		for life := 0; ; {
			status, _, text, err := h.server.Load().request(ctx, http.MethodPost, "/v1/shipments", body(n))
			if err != nil { // killed: no answer, so it is sent again to the next
				if life == kills {
					t.Errorf("shipment %d: %v", n, err)
					return
				}
				<-h.revived[life]
				life++
				continue
			}
			h.answered(t, n, status, text)
			break
		}
	}
}

func (h *handing) answered(t *testing.T, n, status int, text string) {
	h.mu.Lock()
	switch status {
	case http.StatusAccepted:
		h.accepted[n]++
	case http.StatusOK: // an earlier life has it
	default:
		t.Errorf("shipment %d: status %d: %s", n, status, text)
	}
	h.mu.Unlock()
	if a := h.answers.Add(1); a%(requests/(kills+1)) == 0 {
		close(h.enough[a/(requests/(kills+1))-1])
	}
}

// A server that is killed in the midst of a thousand requests, again and again, has every shipment that it said was
// accepted, and none twice.
func TestServeKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, "redis://"+proctest.Redis(t))
	secret := s.token(t, "shop")
	h := &handing{accepted: make(map[int]int)}
	for i := range h.enough {
		h.enough[i], h.revived[i] = make(chan struct{}), make(chan struct{})
	}
	h.server.Store(s.serve(t, secret))
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() { h.client(t.Context(), t) })
	}
	for i := range kills {
		<-h.enough[i]
		h.server.Load().Kill()
		h.check(t, s) // before anybody could have handed it over again
		h.server.Store(s.serve(t, secret))
		close(h.revived[i])
	}
	clients.Wait()
	h.check(t, s)
	counts, err := s.book(t).CountsByPartner(t.Context())
	if err != nil || counts[partner][shipment.Queued] != requests {
		t.Errorf("the ledger has %v, %v", counts, err)
	}
}

// check demands that everything answered "accepted" is in the ledger, and was so answered once.
func (h *handing) check(t *testing.T, s site) {
	t.Helper()
	book := s.book(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, times := range h.accepted {
		if _, err := book.Get(t.Context(), shipment.Key{Partner: partner, TradeNo: trade(n)}); err != nil || times != 1 {
			t.Errorf("shipment %d was accepted %d times: %v", n, times, err)
		}
	}
}
