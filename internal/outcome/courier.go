// Package outcome tells order systems what has become of their shipments: a Courier takes the deliveries that the
// ledger holds and sends each to its endpoint as a webhook, until it is acknowledged or three days are over.
//
//	ledger: event + deliveries, in the transaction of the outcome (R2)
//	   │ claim, with a lease
//	   ▼
//	courier ── one dispatcher per endpoint, a few messages at once ──► endpoint
//	   │
//	   └─► ledger: acknowledged, to be retried, given up
//
// A message is sent at least once and always under the same id. If the process dies between the answer and its record,
// the lease runs out and somebody sends it again. One shipment's events go to one endpoint in their order. An endpoint
// that is slow or down has a dispatcher and connections of its own, so it delays no other. Any number of couriers may
// run over one ledger.
package outcome

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/outcome/webhook"
)

// Book is what a courier needs of the ledger. A claim is durable before anything is sent.
type Book interface {
	AnnounceEndpoints(ctx context.Context, kind ledger.OwnerKind, owners []string, endpoints []ledger.Endpoint) ([]ledger.Endpoint, error)
	DueEndpoints(ctx context.Context, endpoints []int64) ([]int64, error)
	ClaimDeliveries(ctx context.Context, endpoint int64, most int, lease time.Duration) ([]ledger.Delivery, error)
	Attempted(ctx context.Context, d ledger.Delivery, a ledger.Attempted) error
}

// Options are what a courier is made of.
type Options struct {
	Book Book
	Kind ledger.OwnerKind // whose webhooks these are: accounts' or tokens'
	Log  zerolog.Logger

	pace pace // zero: the usual one
}

// Courier sends what happens to the webhooks that it was given.
type Courier struct {
	o      Options
	client *webhook.Client

	ctx     context.Context // ends when Stop gives up waiting
	cancel  context.CancelFunc
	loops   context.Context // ends when Stop begins
	endLoop context.CancelFunc
	done    sync.WaitGroup

	mu     sync.Mutex
	hooks  map[string][]webhook.Webhook // by owner
	routes map[int64]*route             // by endpoint, as announced
	news   chan struct{}                // hooks have been changed
}

// New makes a courier that sends nothing yet.
func New(o Options) *Courier {
	o.pace = o.pace.orUsual()
	ctx, cancel := context.WithCancel(context.Background())
	loops, endLoop := context.WithCancel(ctx)
	return &Courier{
		o: o, client: webhook.NewClient(o.pace.timeout), ctx: ctx, cancel: cancel, loops: loops, endLoop: endLoop,
		routes: make(map[int64]*route), news: make(chan struct{}, 1),
	}
}

// Serve names all owners that this process answers for and their webhooks, none for those that have none; a later
// call replaces what an earlier one has said. A webhook that is in it no more gets nothing from here any more, and is
// withdrawn in the ledger when no other process announces it either.
func (c *Courier) Serve(hooks map[string][]webhook.Webhook) {
	c.mu.Lock()
	c.hooks = hooks
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default: // it will look anyway
	}
}

// Start begins to send, in the background. It goes on by itself after the ledger was away.
func (c *Courier) Start() { c.done.Go(c.run) }

// Stop ends gently: nothing new is claimed, what is under way is ended and recorded. When ctx is over it is broken
// off, and sent again by whoever comes next.
func (c *Courier) Stop(ctx context.Context) {
	c.endLoop()
	ended := make(chan struct{})
	go func() {
		c.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		c.cancel()
		<-ended
	}
	c.cancel()
	c.client.Close()
}

// run announces and looks for what is due until Stop.
func (c *Courier) run() {
	var announced time.Time
	tick := time.NewTicker(c.o.pace.poll)
	defer tick.Stop()
	for {
		if time.Since(announced) >= c.o.pace.announce {
			if err := c.announce(c.loops); err == nil {
				announced = time.Now()
			} else if c.loops.Err() == nil {
				c.o.Log.Warn().Err(err).Msg("The webhooks cannot be announced in the ledger; trying again.")
			}
		}
		if err := c.look(c.loops); err != nil && c.loops.Err() == nil {
			c.o.Log.Warn().Err(err).Msg("The ledger does not tell what is to be delivered; trying again.")
		}
		select {
		case <-tick.C:
		case <-c.news:
			announced = time.Time{}
		case <-c.loops.Done():
			return
		}
	}
}

// announce tells the ledger which endpoints there are, and has a route for each.
func (c *Courier) announce(ctx context.Context) error {
	c.mu.Lock()
	hooks := c.hooks
	c.mu.Unlock()
	if hooks == nil {
		return nil // nobody has said yet
	}
	byName := make(map[[2]string]webhook.Webhook)
	var owners []string
	var endpoints []ledger.Endpoint
	for owner, its := range hooks {
		owners = append(owners, owner)
		for _, w := range its {
			byName[[2]string{owner, w.Name}] = w
			endpoints = append(endpoints, ledger.Endpoint{Kind: c.o.Kind, Owner: owner, Name: w.Name, URL: w.Shown()})
		}
	}
	if c.o.Kind == ledger.OwnerToken {
		owners = nil // a token that was taken out of the file has nobody else who answers for it
	}
	announced, err := c.o.Book.AnnounceEndpoints(ctx, c.o.Kind, owners, endpoints)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.routes
	c.routes = make(map[int64]*route, len(announced))
	for _, e := range announced {
		r, known := before[e.ID]
		if !known {
			r = newRoute(c, e)
		}
		r.set(byName[[2]string{e.Owner, e.Name}])
		c.routes[e.ID] = r
		delete(before, e.ID)
	}
	for _, gone := range before {
		gone.end()
	}
	return nil
}

// look wakes the routes that have something to send.
func (c *Courier) look(ctx context.Context) error {
	c.mu.Lock()
	var ids []int64
	for id := range c.routes {
		ids = append(ids, id)
	}
	c.mu.Unlock()
	slices.Sort(ids)
	due, err := c.o.Book.DueEndpoints(ctx, ids)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range due {
		if r := c.routes[id]; r != nil {
			r.wake()
		}
	}
	return nil
}
