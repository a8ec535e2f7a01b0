package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/api"
	"fahuo/internal/ledger"
	"fahuo/internal/outcome"
	"fahuo/internal/settings"
	"fahuo/internal/tokens"
	"fahuo/internal/version"
)

type serveCmd struct {
	Listen         string  `env:"FAHUO_API_LISTEN" default:"127.0.0.1:8081" help:"Address to listen on."`
	Tokens         string  `env:"FAHUO_API_TOKENS" placeholder:"FILE" help:"Who may hand shipments over; enqueue token new writes it."`
	Rate           float64 `env:"FAHUO_API_RATE" default:"500" help:"Requests a second that a token may make, unless the file says otherwise for it."`
	TLSCert        string  `name:"tls-cert" env:"FAHUO_API_TLS_CERT" placeholder:"FILE" help:"Serve https with this certificate (PEM, the chain in it)."`
	TLSKey         string  `name:"tls-key" env:"FAHUO_API_TLS_KEY" placeholder:"FILE" help:"The certificate's key (PEM)."`
	AllowPlainHTTP bool    `name:"allow-plain-http" env:"FAHUO_API_ALLOW_PLAIN_HTTP" help:"Listen off loopback without TLS: behind a proxy with https, or in a network that is trusted."`
}

// stopLimit is how long requests under way are given once the server is to stop: longer than a transaction may take.
const stopLimit = 30 * time.Second

// check looks at the flags alone.
func (c *serveCmd) check() (faults []error) {
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		faults = append(faults, fmt.Errorf("--listen (FAHUO_API_LISTEN) %q is not HOST:PORT", c.Listen))
	case !settings.Loopback(host) && c.TLSCert == "" && !c.AllowPlainHTTP:
		faults = append(faults, fmt.Errorf("--listen %s is not on loopback, so tokens would cross the network unencrypted: give --tls-cert and --tls-key, "+
			"or --allow-plain-http if a proxy with https is in front or the network itself is trusted", c.Listen))
	}
	if c.Tokens == "" {
		faults = append(faults, errors.New("--tokens (FAHUO_API_TOKENS) is missing; make the file with: enqueue token new NAME --partner PARTNER --tokens FILE"))
	}
	if !(c.Rate > 0 && c.Rate <= tokens.MaxRate) {
		faults = append(faults, fmt.Errorf("--rate (FAHUO_API_RATE) %v is not above 0 and at most %d", c.Rate, tokens.MaxRate))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		faults = append(faults, errors.New("--tls-cert (FAHUO_API_TLS_CERT) and --tls-key (FAHUO_API_TLS_KEY) go together"))
	} else if c.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			faults = append(faults, fmt.Errorf("--tls-cert, --tls-key: %w", err))
		}
	}
	return faults
}

// Run is `enqueue serve`.
func (c *serveCmd) Run(ctx context.Context, g *cli, s streams) error {
	if err := errors.Join(append(g.Validate(), c.check()...)...); err != nil {
		return settings.Usage(err)
	}
	set, err := tokens.Load(c.Tokens)
	if err != nil {
		return settings.Usage(err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	log := g.logger(s)
	settings.AdoptStandardLog(log)
	listener, err := settings.Listen(ctx, "--listen (FAHUO_API_LISTEN)", c.Listen, "another enqueue serve")
	if err != nil {
		return err
	}
	front := &front{}
	front.set(api.Waiting(log))
	server := c.start(listener, front, log)
	if _, err := fmt.Fprintf(s.out, "The API is at %s, its documents at %s/docs\n", c.url(listener), c.url(listener)); err != nil {
		return errors.Join(err, server.stop(ctx))
	}
	return c.serve(ctx, g, log, set, front, server)
}

// watch reads the tokens again when they have changed, and tells the outcomes of their shipments to their webhooks.
func (c *serveCmd) watch(ctx context.Context, book *ledger.Ledger, set *tokens.Set, log zerolog.Logger) (stop func()) {
	courier := outcome.New(outcome.Options{Book: book, Kind: ledger.OwnerToken, Log: log})
	courier.Serve(set.Webhooks())
	courier.Start()
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		set.Watch(ctx, func(err error) {
			if err != nil {
				log.Error().Err(err).Msg("the tokens file has changed and is not in order; what it said before holds")
				return
			}
			courier.Serve(set.Webhooks())
			log.Info().Str("tokens", c.Tokens).Msg("the tokens file has changed and is read")
		})
	})
	return func() {
		cancel()
		watching.Wait()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), courierPatience) // it is over already
		defer cancel()
		courier.Stop(limited)
	}
}

// courierPatience is how long messages that are on their way are waited for at the end.
const courierPatience = 5 * time.Second

// serve answers once the ledger is open, until it is told to stop.
func (c *serveCmd) serve(ctx context.Context, g *cli, log zerolog.Logger, set *tokens.Set, front *front, server *running) error {
	book, err := settings.OpenLedger(ctx, g.Ledger, log)
	if err != nil || book == nil {
		return errors.Join(err, server.stop(ctx))
	}
	loads, err := startLoading(ctx, g, book, log)
	if err != nil {
		return errors.Join(err, server.stop(ctx), book.Close())
	}
	a, err := api.New(api.Options{ //nolint:contextcheck // transactions end with a.Stop, whoever began them
		Book: book, Tokens: set, Log: log, Rate: c.Rate, Accepted: loads.wanted, Version: version.String(),
	})
	if err != nil {
		loads.stop()
		return errors.Join(err, server.stop(ctx), book.Close())
	}
	unwatch := c.watch(ctx, book, set, log)
	front.set(a.Handler())
	log.Info().Str("address", c.url(server.listener)).Str("ledger", book.URL()).Msg("serving")
	select {
	case <-ctx.Done():
	case err = <-server.done:
		server.done <- err // for stop
	}
	log.Info().Msg("stopping: it takes no more requests and ends those under way")
	a.Release()
	err = server.stop(ctx)
	a.Stop()
	loads.stop()
	unwatch()
	log.Info().Msg("stopped")
	return errors.Join(err, book.Close())
}

// front is what answers requests: at first only that there is no ledger yet.
type front struct{ handler atomic.Pointer[http.Handler] }

func (f *front) set(h http.Handler) { f.handler.Store(&h) }

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*f.handler.Load()).ServeHTTP(w, r)
}

// running is a server that has been started.
type running struct {
	*http.Server
	listener net.Listener
	done     chan error
}

func (c *serveCmd) start(listener net.Listener, h http.Handler, log zerolog.Logger) *running {
	r := &running{Server: api.Server(h), listener: listener, done: make(chan error, 1)}
	limited := api.Limit(listener)
	go func() {
		if c.TLSCert != "" {
			r.done <- r.ServeTLS(limited, c.TLSCert, c.TLSKey)
		} else {
			r.done <- r.Serve(limited)
		}
	}()
	log.Debug().Stringer("address", listener.Addr()).Msg("listening")
	return r
}

// stop takes no more requests and waits for those under way.
func (r *running) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit) // it is over already
	defer cancel()
	err := r.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off that took longer than %v: %w", stopLimit, err), r.Close())
	}
	if served := <-r.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (c *serveCmd) url(l net.Listener) string {
	if c.TLSCert != "" {
		return "https://" + l.Addr().String()
	}
	return "http://" + l.Addr().String()
}
