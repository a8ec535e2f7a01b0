package outcome

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/outcome/webhook"
)

// route sends to one endpoint, in a goroutine of its own.
type route struct {
	c        *Courier
	endpoint ledger.Endpoint
	wakeup   chan struct{}
	moved    chan struct{}   // the address has changed: whoever rests because of the old one need not
	ctx      context.Context // ends when Stop begins, or the endpoint is served no more
	end      context.CancelFunc

	mu        sync.Mutex
	hook      webhook.Webhook
	misses    int64     // failures in a row, whatever the message
	restUntil time.Time // nothing is sent before
}

func newRoute(c *Courier, e ledger.Endpoint) *route {
	r := &route{c: c, endpoint: e, wakeup: make(chan struct{}, 1), moved: make(chan struct{}, 1)}
	r.ctx, r.end = context.WithCancel(c.loops)
	c.done.Go(r.run)
	return r
}

// set has it send to that webhook from now on. How the old address has done says nothing of a new one.
func (r *route) set(w webhook.Webhook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.hook.URL == w.URL
	r.hook = w
	if same {
		return
	}
	r.misses, r.restUntil = 0, time.Time{}
	select {
	case r.moved <- struct{}{}:
	default: // it knows
	}
}

// wake says that there is something to be sent.
func (r *route) wake() {
	select {
	case r.wakeup <- struct{}{}:
	default: // it knows
	}
}

func (r *route) run() {
	defer r.end()
	for {
		select {
		case <-r.wakeup:
		case <-r.ctx.Done():
			return
		}
		if err := r.drain(); err != nil && r.ctx.Err() == nil {
			r.c.o.Log.Warn().Err(err).Str("webhook", r.name()).Msg("Deliveries cannot be claimed in the ledger; trying again.")
		}
	}
}

func (r *route) name() string { return r.endpoint.String() }

// drain sends until nothing is due: several messages at once, of different shipments, or while the endpoint fails one
// after the other with a rest between.
func (r *route) drain() error {
	for {
		hook, most := r.rested()
		if r.ctx.Err() != nil {
			return nil
		}
		// What is claimed is sent and recorded: the claim must not be cut off half-way.
		claimed, err := r.c.o.Book.ClaimDeliveries(r.c.ctx, r.endpoint.ID, most, r.c.o.pace.lease)
		if err != nil || len(claimed) == 0 {
			return err
		}
		var sent sync.WaitGroup
		for _, d := range claimed {
			sent.Go(func() { r.send(hook, d) })
		}
		sent.Wait()
	}
}

// rested waits until the endpoint may be tried again, and tells how many messages may be on the way to it at once.
func (r *route) rested() (hook webhook.Webhook, most int) {
	for r.rest() {
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.misses > 0 {
		return r.hook, 1
	}
	return r.hook, r.c.o.pace.atOnce
}

// rest waits until the endpoint may be tried again or has another address, and tells whether it had to.
func (r *route) rest() bool {
	r.mu.Lock()
	wait := time.Until(r.restUntil)
	r.mu.Unlock()
	if wait <= 0 || r.ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.moved:
	case <-r.ctx.Done():
	}
	return true
}

// send makes one attempt and records what came of it. If the process dies in between, the lease runs out and the
// message is sent again under the same id.
func (r *route) send(hook webhook.Webhook, d ledger.Delivery) {
	answer := r.c.client.Send(r.c.ctx, hook, d.Event.ID, d.Event.Body)
	if r.c.ctx.Err() != nil {
		return // broken off by Stop, which says nothing of the endpoint
	}
	chance := rand.Float64() //nolint:gosec // spreads pauses, keeps no secret
	made := decide(answer, d.Failures, r.c.o.pace, chance)
	r.note(hook, answer, made, chance)
	r.record(d, made)
}

// note remembers how the endpoint does, unless it is elsewhere by now.
func (r *route) note(hook webhook.Webhook, answer webhook.Answer, made ledger.Attempted, chance float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hook.URL != r.hook.URL {
		return
	}
	log := r.c.o.Log.With().Str("webhook", r.name()).Logger()
	if made.Acknowledged || made.GiveUp { // it is there
		if r.misses >= complainAfter {
			log.Info().Msg("The webhook's receiver answers again.")
		}
		r.misses = 0
		return
	}
	r.misses++
	rest := max(r.c.o.pace.restAfter(r.misses, chance), asked(answer))
	if until := time.Now().Add(rest); until.After(r.restUntil) {
		r.restUntil = until
	}
	if r.misses == complainAfter {
		log.Warn().Str("error", made.Error).Msg("The webhook's receiver fails again and again; what it has not acknowledged is kept and tried for three days.")
	}
}

// complainAfter is after how many failures in a row an endpoint is worth a line of the log.
const complainAfter = 5

// record writes down what came of an attempt, for as long as the delivery is ours.
func (r *route) record(d ledger.Delivery, made ledger.Attempted) {
	ctx, cancel := context.WithTimeout(r.c.ctx, r.c.o.pace.lease)
	defer cancel()
	log := r.c.o.Log.With().Str("webhook", r.name()).Str("event", d.Event.ID).Logger()
	if made.GiveUp {
		log.Warn().Str("error", made.Error).Msg("An event is given up; replay it when the receiver wants it.")
	}
	for {
		err := r.c.o.Book.Attempted(ctx, d, made)
		if err == nil || errors.Is(err, ledger.ErrStale) {
			return
		}
		select {
		case <-time.After(r.c.o.pace.poll):
		case <-ctx.Done():
			log.Warn().Err(err).Msg("What came of a delivery cannot be recorded; it will be sent again under the same id.")
			return
		}
	}
}
