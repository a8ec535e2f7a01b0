package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"fahuo/internal/accounts"
	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// smallestInterval is what Alipay asks for (U2); less is allowed against a gateway on loopback only.
const smallestInterval = 10 * time.Second

// defaultListen is where health and metrics are unless somebody says otherwise.
const defaultListen = "127.0.0.1:9464"

// target is what run and check have in common: whose shipments, and where to.
type target struct {
	AccountsFile string        `name:"accounts" env:"FAHUO_ACCOUNTS" placeholder:"FILE" help:"The accounts (YAML). Without it ALIPAY_PARTNER and ALIPAY_KEY_FILE or ALIPAY_KEY name one."`
	Gateway      string        `env:"ALIPAY_GATEWAY" default:"https://mapi.alipay.com/gateway.do" help:"Alipay's gateway. Plain http and IP addresses on loopback only."`
	Interval     time.Duration `env:"FAHUO_INTERVAL" default:"10s" help:"Smallest gap between two ship calls of one account. Under 10s only for a gateway on loopback."`
	CallTimeout  time.Duration `env:"FAHUO_CALL_TIMEOUT" default:"15s" help:"How long an answer is waited for; after it the outcome is unknown."`
}

// loaded is a target as it was read: what could be, and what is wrong with the rest.
type loaded struct {
	gateway  *url.URL // nil: it is wrong
	accounts []worker.Account
	warnings []warning
	faults   []error
}

// outside tells whether the gateway is somebody else's.
func (l loaded) outside() bool { return l.gateway != nil && !alipay.IsLoopback(l.gateway.Hostname()) }

// warning is what is most likely a slip in an account, and no reason not to start.
type warning struct{ partner, text string }

// load reads the accounts and their keys. gateway is which addresses will do.
func (t *target) load(gateway func(string) (*url.URL, error)) (l loaded) {
	var err error
	if l.gateway, err = gateway(t.Gateway); err != nil {
		l.faults = append(l.faults, fmt.Errorf("--gateway (ALIPAY_GATEWAY): %w", err))
	}
	local := err == nil && !l.outside()
	l.faults = append(l.faults, positive("--call-timeout (FAHUO_CALL_TIMEOUT)", t.CallTimeout), checkInterval("--interval (FAHUO_INTERVAL)", t.Interval, local))
	read, err := accounts.Load(accounts.Source{File: t.AccountsFile, Getenv: os.Getenv})
	l.faults = append(l.faults, err)
	for _, a := range read {
		if a.Interval == 0 {
			a.Interval = t.Interval
		} else {
			l.faults = append(l.faults, checkInterval("account "+a.Credentials.Partner+": interval", a.Interval, local))
		}
		for _, text := range a.Warnings {
			l.warnings = append(l.warnings, warning{a.Credentials.Partner, text})
		}
		l.accounts = append(l.accounts, worker.Account{Name: a.Name, Interval: a.Interval, NoPreflight: !a.Preflight, Credentials: a.Credentials})
	}
	return l
}

type runCmd struct {
	target

	RetryBase   time.Duration `env:"FAHUO_RETRY_BASE" default:"30s" help:"The first delay after a failed attempt; it doubles each time."`
	RetryCap    time.Duration `env:"FAHUO_RETRY_CAP" default:"30m" help:"The longest delay."`
	RetryFor    time.Duration `env:"FAHUO_RETRY_FOR" default:"24h" help:"How long a shipment is retried, from its first attempt."`
	NoPreflight bool          `env:"FAHUO_NO_PREFLIGHT" help:"Do not query a trade before its first attempt."`
	Listen      string        `env:"FAHUO_LISTEN" default:"127.0.0.1:9464" help:"Address of /healthz, /readyz and /metrics, or off."`
	Sandbox     bool          `help:"Everything in one process and nothing outside called: a simulated gateway, a demo account, sample shipments, its own ledger in sandbox/, the desk."`
	SandboxDesk string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the sandbox's desk is, on loopback, or off."`
}

// plan is a checked configuration: what run needs, and nothing opened yet.
type plan struct {
	accounts []worker.Account
	gateway  string
	client   *alipay.Client
	warnings []warning
}

// check reads keys and checks every setting; it reports all faults together.
func (c *runCmd) check(common []error) (plan, error) {
	l := c.load(alipay.CheckGateway)
	p := plan{gateway: c.Gateway, accounts: l.accounts, warnings: l.warnings}
	faults := slices.Concat(common, l.faults)
	faults = append(faults, positive("--retry-base (FAHUO_RETRY_BASE)", c.RetryBase), positive("--retry-for (FAHUO_RETRY_FOR)", c.RetryFor))
	if c.RetryCap < c.RetryBase {
		faults = append(faults, fmt.Errorf("--retry-cap (FAHUO_RETRY_CAP) %v is below --retry-base %v", c.RetryCap, c.RetryBase))
	}
	if c.Listen != "off" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			faults = append(faults, fmt.Errorf("--listen (FAHUO_LISTEN) %q is neither HOST:PORT nor off", c.Listen))
		}
	}
	for i, a := range p.accounts {
		p.accounts[i].NoPreflight = a.NoPreflight || c.NoPreflight
		if l.outside() {
			faults = append(faults, refuseDemo(a.Credentials, l.gateway.Hostname()))
		}
	}
	err := errors.Join(faults...)
	if err != nil {
		return p, err
	}
	p.client, err = alipay.NewClient(alipay.Options{Gateway: c.Gateway, UserTimeout: c.CallTimeout})
	return p, err
}

func positive(what string, d time.Duration) error {
	if d > 0 {
		return nil
	}
	return fmt.Errorf("%s %v must be above 0", what, d)
}

func checkInterval(what string, d time.Duration, local bool) error {
	switch {
	case d <= 0:
		return fmt.Errorf("%s %v must be above 0", what, d)
	case d < smallestInterval && !local:
		return fmt.Errorf("%s %v: Alipay asks for 10s or more between two calls; less is allowed only for a gateway on loopback", what, d)
	}
	return nil
}

// refuseDemo refuses identities from Alipay's examples for a gateway off loopback (A3).
func refuseDemo(c *alipay.Credentials, host string) error {
	found := alipay.DemoIdentities(c, host)
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("account %s: %s: it must not ship in production (3 %% is charged); use the contracted partner and its key. "+
		"To test with it: worker check", c.Partner, strings.Join(found, "; "))
}

// Run is `worker run`.
func (c *runCmd) Run(ctx context.Context, g *cli, s streams) error {
	if c.Sandbox {
		return c.runSandbox(ctx, g, s)
	}
	p, err := c.check(g.Validate())
	if err != nil {
		return settings.Usage(err)
	}
	defer p.client.Close()
	log := g.logger(s)
	for _, w := range p.warnings {
		log.Warn().Str("partner", w.partner).Msg(w.text)
	}
	return serve(ctx, service{
		plan: p, log: log, ledger: g.Ledger, redis: g.Redis, embedded: g.EmbeddedRedisAddr, listen: c.Listen,
		callTimeout: c.CallTimeout, retry: worker.Retry{Base: c.RetryBase, Cap: c.RetryCap, For: c.RetryFor},
	})
}

// service is a worker process: the plan and where its parts are.
type service struct {
	plan
	log           zerolog.Logger
	ledger, redis string
	embedded      string // address of the embedded Redis
	listen        string
	callTimeout   time.Duration
	retry         worker.Retry
	onEvent       func(worker.Event)
	started       func(*ledger.Ledger, *tasks.Belt) error // optional: once both are open
	stopped       func() error                            // optional: what started has begun, before they are closed
}

// serve runs the worker until a signal. It exits for nothing that waiting can mend.
func serve(ctx context.Context, v service) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	settings.AdoptStandardLog(v.log)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	var state readiness
	closeHTTP, err := listen(ctx, v.listen, worker.Handler(registry, state.checks), v.log)
	if err != nil {
		return settings.Usage(err)
	}
	defer func() { err = errors.Join(err, closeHTTP()) }()

	if v.redis == tasks.Embedded {
		embedded, err := tasks.StartEmbedded(v.embedded)
		if err != nil {
			return settings.Usage(err)
		}
		v.embedded = embedded.Addr()
		defer func() { err = errors.Join(err, embedded.Close()) }()
	}
	book, err := settings.OpenLedger(ctx, v.ledger, v.log)
	if err != nil || book == nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	belt, err := tasks.Connect(v.redis, v.embedded)
	if err != nil {
		return settings.Usage(err)
	}
	defer func() { err = errors.Join(err, belt.Close()) }()
	registry.MustRegister(belt.Collector())
	state.set(worker.Checks{"ledger": book.Ping, "redis": belt.Ping})
	v.log.Info().Str("ledger", book.URL()).Str("redis", belt.URL()).Str("gateway", v.gateway).Int("accounts", len(v.accounts)).Msg("starting")

	w, err := worker.New(worker.Options{
		Accounts: v.accounts, Gateway: v.client, Book: book, Belt: belt, CallTimeout: v.callTimeout, Retry: v.retry,
		Name: processName(), Log: v.log, OnEvent: v.onEvent, Metrics: registry,
	})
	if err != nil {
		return settings.Usage(err)
	}
	if v.stopped != nil {
		defer func() { err = errors.Join(err, v.stopped()) }()
	}
	if v.started != nil {
		if err := v.started(book, belt); err != nil {
			return err
		}
	}
	w.Start() //nolint:contextcheck // its life is ended by Stop, not by a context: what is under way must end well
	select {
	case <-ctx.Done():
	case err = <-w.Failed():
		err = settings.Usage(err)
	}
	stop() // a second signal ends the process at once
	v.log.Info().Msg("stopping: no new call; a call under way ends and is recorded")
	err = errors.Join(err, w.Stop(context.WithoutCancel(ctx)))
	v.log.Info().Msg("stopped")
	return err
}

// processName tells this process from every other in calls and history.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), strconv.FormatInt(time.Now().UnixMilli(), 16))
}

// listen serves h at addr until the returned function is called.
func listen(ctx context.Context, addr string, h http.Handler, log zerolog.Logger) (func() error, error) {
	if addr == "off" {
		return func() error { return nil }, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if addr == defaultListen && errors.Is(err, syscall.EADDRINUSE) {
		// Several workers on one machine are the ordinary case; shipping does not depend on this.
		log.Warn().Str("address", addr).Msg("somebody listens here already, another worker most likely: this one has no health and metrics; give it an address of its own (FAHUO_LISTEN)")
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--listen (FAHUO_LISTEN): %w; give each worker its own address, or off", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	log.Info().Str("address", l.Addr().String()).Msg("health and metrics")
	return func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}
