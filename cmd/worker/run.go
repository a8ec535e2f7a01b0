package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/outcome"
	"fahuo/internal/settings"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// defaultListen is where health and metrics are unless somebody says otherwise.
const defaultListen = "127.0.0.1:9464"

type runCmd struct {
	target

	RetryBase    time.Duration `env:"FAHUO_RETRY_BASE" default:"30s" help:"The first delay after a failed attempt; it doubles each time."`
	RetryCap     time.Duration `env:"FAHUO_RETRY_CAP" default:"30m" help:"The longest delay."`
	RetryFor     time.Duration `env:"FAHUO_RETRY_FOR" default:"24h" help:"How long a shipment is retried, from its first attempt."`
	ProbeEvery   time.Duration `env:"FAHUO_PROBE_EVERY" default:"1m" help:"How far apart calls are while Alipay is out of order: after 10 in a row that came to nothing."`
	NoPreflight  bool          `env:"FAHUO_NO_PREFLIGHT" help:"Do not query a trade before its first attempt."`
	KeepCalls    age           `env:"FAHUO_KEEP_CALLS" default:"0d" placeholder:"AGE" help:"Forget calls of settled shipments after this long, such as 400d; 0d keeps them for ever."`
	Listen       string        `env:"FAHUO_LISTEN" default:"127.0.0.1:9464" help:"Address of /healthz, /readyz and /metrics, or off."`
	NotifyListen string        `env:"FAHUO_NOTIFY_LISTEN" default:"off" help:"Address of /alipay/notify, to which Alipay's notifications are posted, or off. It faces the Internet, through a proxy with TLS."`
	Sandbox      bool          `help:"Everything in one process and nothing outside called: a simulated gateway, a demo account, sample shipments, its own ledger in sandbox/, the desk."`
	SandboxDesk  string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where the sandbox's desk is, on loopback, or off."`
}

// plan is a checked configuration: what run needs, and nothing opened yet.
type plan struct {
	served
	gateway string
	client  *alipay.Client
}

// check reads keys and checks every setting; it reports all faults together.
func (c *runCmd) check(common []error) (plan, error) {
	l := c.accounts()
	p := plan{gateway: c.Gateway, served: l.served}
	faults := slices.Concat(common, l.faults)
	faults = append(faults, positive("--retry-base (FAHUO_RETRY_BASE)", c.RetryBase), positive("--retry-for (FAHUO_RETRY_FOR)", c.RetryFor),
		positive("--probe-every (FAHUO_PROBE_EVERY)", c.ProbeEvery))
	if c.RetryCap < c.RetryBase {
		faults = append(faults, fmt.Errorf("--retry-cap (FAHUO_RETRY_CAP) %v is below --retry-base %v", c.RetryCap, c.RetryBase))
	}
	if c.KeepCalls != 0 {
		faults = append(faults, c.KeepCalls.check("--keep-calls (FAHUO_KEEP_CALLS)"))
	}
	if c.Listen != "off" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			faults = append(faults, fmt.Errorf("--listen (FAHUO_LISTEN) %q is neither HOST:PORT nor off", c.Listen))
		}
	}
	if c.NotifyListen != "off" {
		if _, _, err := net.SplitHostPort(c.NotifyListen); err != nil {
			faults = append(faults, fmt.Errorf("--notify-listen (FAHUO_NOTIFY_LISTEN) %q is neither HOST:PORT nor off", c.NotifyListen))
		}
	}
	err := errors.Join(faults...)
	if err != nil {
		return p, err
	}
	p.client, err = alipay.NewClient(alipay.Options{Gateway: c.Gateway, UserTimeout: c.CallTimeout})
	return p, err
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
	warn(log, p.warnings)
	return serve(ctx, service{
		plan: p, log: log, ledger: g.Ledger, redis: g.Redis, embedded: g.EmbeddedRedisAddr, listen: c.Listen, notifyListen: c.NotifyListen,
		callTimeout: c.CallTimeout, retry: worker.Retry{Base: c.RetryBase, Cap: c.RetryCap, For: c.RetryFor},
		probeEvery: c.ProbeEvery, keepCalls: time.Duration(c.KeepCalls), reload: func() (served, error) {
			l := c.accounts()
			return l.served, errors.Join(l.faults...)
		},
	})
}

// service is a worker process: the plan and where its parts are.
type service struct {
	plan
	log           zerolog.Logger
	ledger, redis string
	embedded      string // address of the embedded Redis
	listen        string
	notifyListen  string
	callTimeout   time.Duration
	retry         worker.Retry
	probeEvery    time.Duration
	keepCalls     time.Duration          // 0: for ever
	reload        func() (served, error) // reads the accounts anew; nil: they never change
	onEvent       func(worker.Event)
	started       func(*ledger.Ledger, *tasks.Belt) error // optional: once both are open
	stopped       func() error                            // optional: what started has begun, before they are closed
}

// serve runs the worker until a signal. It exits for nothing that waiting can mend.
func serve(ctx context.Context, v service) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from the first moment on: it would end the process
	defer signal.Stop(hangup)
	settings.AdoptStandardLog(v.log)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	var state readiness
	closeHTTP, err := listen(ctx, v.listen, worker.Handler(registry, state.checks), v.log)
	if err != nil {
		return settings.Usage(err)
	}
	defer func() { err = errors.Join(err, closeHTTP()) }()

	inbox, err := v.receive(ctx, registry)
	if err != nil {
		return settings.Usage(err)
	}
	defer func() { err = errors.Join(err, inbox.close()) }()

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
	inbox.open(book)
	defer func() { err = errors.Join(err, inbox.close()) }() // before the ledger is closed
	belt, err := tasks.Connect(v.redis, v.embedded)
	if err != nil {
		return settings.Usage(err)
	}
	defer func() { err = errors.Join(err, belt.Close()) }()
	registry.MustRegister(belt.Collector())
	state.set(worker.Checks{"ledger": book.Ping, "redis": belt.Ping})
	v.log.Info().Str("ledger", book.URL()).Str("redis", belt.URL()).Str("gateway", v.gateway).Int("accounts", len(v.accounts)).Msg("starting")
	return v.work(ctx, stop, parts{book, belt, inbox, registry, hangup})
}

// parts are what a worker stands on, opened.
type parts struct {
	book    *ledger.Ledger
	belt    *tasks.Belt
	inbox   *inbox
	metrics prometheus.Registerer
	hangup  <-chan os.Signal
}

// work ships, and tells what came of it, until ctx is done or waiting mends nothing. stop lets a second signal end the
// process at once.
func (v service) work(ctx context.Context, stop func(), p parts) (err error) {
	w, err := worker.New(worker.Options{
		Accounts: v.accounts, Gateway: v.client, Book: p.book, Belt: p.belt, CallTimeout: v.callTimeout, Retry: v.retry, ProbeEvery: v.probeEvery, KeepCalls: v.keepCalls,
		Name: processName(), Log: v.log, OnEvent: v.onEvent, Metrics: p.metrics,
	})
	if err != nil {
		return settings.Usage(err)
	}
	if v.stopped != nil {
		defer func() { err = errors.Join(err, v.stopped()) }()
	}
	if v.started != nil {
		if err := v.started(p.book, p.belt); err != nil {
			return err
		}
	}
	// Told beside the shipping, and for as long: what is left goes out when the next worker starts.
	courier := outcome.New(outcome.Options{Book: p.book, Kind: ledger.OwnerAccount, Log: v.log})
	courier.Serve(v.webhooks)
	courier.Start()
	defer stopCourier(ctx, courier)
	w.Start() //nolint:contextcheck // its life is ended by Stop, not by a context: what is under way must end well
	watching, endWatch := context.WithCancel(ctx)
	defer endWatch()
	watched := v.watch(watching, w, courier, p.inbox, p.hangup)
	select {
	case <-ctx.Done():
	case err = <-w.Failed():
		err = settings.Usage(err)
	}
	stop()
	endWatch()
	v.log.Info().Msg("stopping: no new call; a call under way ends and is recorded")
	err = errors.Join(err, w.Stop(context.WithoutCancel(ctx)))
	watched() // not before: an account that is being taken out may take as long, and the others would call on meanwhile
	v.log.Info().Msg("stopped")
	return err
}

// watch takes changes of the accounts on until ctx is done; the returned function waits for the last one to end.
func (v service) watch(ctx context.Context, w *worker.Worker, courier *outcome.Courier, in *inbox, hangup <-chan os.Signal) (wait func()) {
	var running sync.WaitGroup
	if v.reload == nil {
		return running.Wait
	}
	r := &reloader{load: v.reload, log: v.log, serving: v.served, serve: func(ctx context.Context, s served) (worker.Changes, error) {
		changes, err := w.Reconfigure(ctx, s.accounts)
		if err == nil {
			courier.Serve(s.webhooks)
			in.serve(s.notified)
		}
		return changes, err
	}}
	running.Go(func() { r.run(ctx, hangup) })
	return running.Wait
}

// courierPatience is how long messages that are on their way are waited for at the end.
const courierPatience = 5 * time.Second

func stopCourier(ctx context.Context, c *outcome.Courier) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), courierPatience) // it is over already
	defer cancel()
	c.Stop(ctx)
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
