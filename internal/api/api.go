package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/tokens"
)

// Options are what an API is made of.
type Options struct {
	Book     *ledger.Ledger
	Tokens   *tokens.Set
	Log      zerolog.Logger
	Rate     float64 // requests a second that a token may make, unless its own entry says otherwise
	Accepted func()  // called after something was accepted, to load the belt; must not block; may be nil
	Version  string
}

// DefaultRate is how many requests a second a token may make.
const DefaultRate = 500

// API answers requests. Make it with New; Stop ends what waits.
type API struct {
	Options
	huma     huma.API
	handler  http.Handler
	acceptor *acceptor
	rates    *rates
	served   *served
	lines    *lines
	readings *readings
	waiters  *waiters
	watches  *watches
	uploads  chan struct{} // one for each file that may be read at once

	stopping context.Context // done when requests that wait are to be answered
	stop     context.CancelFunc
	stopped  sync.Once
}

// uploadsAtOnce is how many files are read at once: each is held in memory while it is.
const uploadsAtOnce = 2

// New assembles an API. The caller stops it once its server has.
func New(o Options) (*API, error) {
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if o.Accepted == nil {
		o.Accepted = func() {}
	}
	shared := newReadings()
	a := &API{
		Options: o, acceptor: newAcceptor(o.Book), rates: newRates(o.Rate), served: newServed(o.Book, shared), lines: newLines(o.Book, shared), readings: shared,
		waiters: newWaiters(), uploads: make(chan struct{}, uploadsAtOnce),
	}
	a.watches = &watches{look: a.lookAtBatch, tell: a.tellBatch, readings: shared, of: make(map[string]*watch)}
	a.stopping, a.stop = context.WithCancel(context.Background())
	mux := http.NewServeMux()
	a.huma = humago.New(mux, config(o.Version))
	a.register()
	a.serveHealth(mux)
	a.handler = outermost(o.Log, strictly(mux))
	if err := serveDocs(mux, a.huma.OpenAPI()); err != nil {
		a.Stop()
		return nil, fmt.Errorf("the document of the API: %w", err)
	}
	return a, nil
}

// Handler answers all requests.
func (a *API) Handler() http.Handler { return a.handler }

// Release answers every request that waits for something to happen, now and from now on. A server that is to stop
// gently calls it first.
func (a *API) Release() { a.stop() }

// Stop ends the API, after its server: nothing may be handed over any more.
func (a *API) Stop() {
	a.stopped.Do(func() {
		a.stop()
		a.acceptor.stop()
		a.readings.stop()
	})
}

func (a *API) register() {
	a.registerHandOver()
	a.registerShipment()
	a.registerBatch()
	a.registerFiles()
	a.registerEvents()
	describe(a.huma.OpenAPI())
}
