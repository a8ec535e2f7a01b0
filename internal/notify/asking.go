package notify

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"fahuo/internal/alipay"
)

// burst is how many questions of an account may follow each other at once.
const burst = 10

// asking puts questions to Alipay, so many at once and of each account so many a second: whoever has got hold of old
// notifications, rightly signed, must not have us overrun the gateway that we ship by.
type asking struct {
	gateway Verifier
	every   time.Duration
	wait    time.Duration
	slots   chan struct{}

	mu    sync.Mutex
	paces map[string]*rate.Limiter // by partner; there are no more than were ever configured
}

func newAsking(o Options) *asking {
	return &asking{
		gateway: o.Gateway, every: o.VerifyEvery, wait: o.Wait, slots: make(chan struct{}, o.Verifying), paces: make(map[string]*rate.Limiter),
	}
}

// genuine asks about a notification. An error means that it is not known; the sender may come again.
func (a *asking) genuine(ctx context.Context, c *alipay.Credentials, notifyID string) (bool, error) {
	waiting, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	if err := a.pace(c.Partner).Wait(waiting); err != nil {
		return false, fmt.Errorf("too many notifications of the account have to be asked about: %w", err)
	}
	select {
	case a.slots <- struct{}{}:
	case <-waiting.Done():
		return false, fmt.Errorf("too many notifications have to be asked about: %w", waiting.Err())
	}
	defer func() { <-a.slots }()
	return a.gateway.VerifyNotification(ctx, c, notifyID)
}

func (a *asking) pace(partner string) *rate.Limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.paces[partner]
	if p == nil {
		p = rate.NewLimiter(rate.Every(a.every), burst)
		a.paces[partner] = p
	}
	return p
}
