package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// The sandbox's demo account. Its key is a test key and opens nothing anywhere.
const (
	sandboxPartner = "2088900000000001"
	sandboxKey     = "sandbox-test-key-opens-nothing-01"
	sandboxBatch   = "sandbox-sample"
	sandboxDir     = "sandbox"
)

//go:embed sample/shipments.csv
var sampleCSV []byte

// The trades of the sample that do not go smoothly, by the last digits of their numbers.
const (
	sampleRetry     = "0002" // RETRY the first time
	sampleApplied   = "0004" // SYSTEM_ERROR, and shipped all the same
	sampleOutOfStep = "0006" // TRADE_STATUS_NOT_AVAILD
	sampleMissing   = "0008" // does not exist at Alipay
	sampleInstant   = "0010" // an instant transfer: cannot be shipped
)

// sandboxVariables are ignored in the sandbox: it must not touch anything real by accident.
var sandboxVariables = []string{
	"REDIS_URL", "DATABASE_URL", "ALIPAY_GATEWAY", "ALIPAY_PARTNER", "ALIPAY_KEY", "ALIPAY_KEY_FILE", "ALIPAY_SIGN_TYPE",
	"ALIPAY_INPUT_CHARSET", "ALIPAY_PRIVATE_KEY_FILE", "ALIPAY_PUBLIC_KEY_FILE", "FAHUO_EMBEDDED_REDIS_ADDR", "FAHUO_LOG_FORMAT",
	"FAHUO_LOG_LEVEL", "FAHUO_ACCOUNTS", "FAHUO_INTERVAL", "FAHUO_CALL_TIMEOUT", "FAHUO_RETRY_BASE", "FAHUO_RETRY_CAP",
	"FAHUO_RETRY_FOR", "FAHUO_NO_PREFLIGHT", "FAHUO_LISTEN", "FAHUO_NOTIFY_LISTEN",
	"ALIPAY_SELLERS", "ALIPAY_NOTIFY_CHARSET",
}

// enterSandbox prepares the surroundings if the arguments ask for the sandbox: variables are taken away,
// and what would lead outside is refused.
func enterSandbox(args []string) error {
	inside := false
	for _, a := range args {
		inside = inside || a == "--sandbox" || a == "--sandbox=true"
	}
	if !inside {
		return nil
	}
	for _, a := range args {
		for _, refused := range []string{"--accounts", "--gateway", "--redis", "--ledger"} {
			if a == refused || strings.HasPrefix(a, refused+"=") {
				return fmt.Errorf("%s cannot be given together with --sandbox, which has its own", refused)
			}
		}
	}
	for _, name := range sandboxVariables {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}
	return nil
}

// runSandbox is `worker run --sandbox`.
func (c *runCmd) runSandbox(ctx context.Context, g *cli, s streams) (err error) {
	if err := checkSandboxDesk(c.SandboxDesk); err != nil {
		return settings.Usage(err)
	}
	if err := os.MkdirAll(sandboxDir, 0o755); err != nil { //nolint:gosec // nothing secret is in it
		return err
	}
	credentials := &alipay.Credentials{
		Partner: sandboxPartner, SignType: alipay.MD5, Charset: "utf-8", Key: alipay.NewSecret(sandboxKey),
	}
	gateway, err := alipaytest.Start(alipaytest.Options{
		Accounts: []alipaytest.Account{{Credentials: *credentials}}, Interval: c.Interval, AutoTrades: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.Close()) }()
	c.Gateway = gateway.URL()
	client, err := alipay.NewClient(alipay.Options{Gateway: c.Gateway, UserTimeout: c.CallTimeout})
	if err != nil {
		return err
	}
	defer client.Close()
	if g.LogLevel == "info" {
		g.LogLevel = "error" // the lines below say it for people
	}
	show := &narrator{out: s.out, interval: c.Interval}
	defer func() {
		var other *ledger.OtherBeltError
		if errors.As(err, &other) { // every sandbox brings its own Redis, and this ledger has one already
			err = settings.Usage(errors.New("a sandbox is running in this directory already; stop it, or start this one in another directory"))
		}
		if err == nil {
			show.say("Stopped. make run (or worker --sandbox) goes on where it was.")
		}
	}()
	log := g.logger(s)
	var page *sandboxDesk
	return serve(ctx, service{
		plan: plan{gateway: c.Gateway, client: client, served: served{accounts: []worker.Account{{
			Name: "demo 演示店", Interval: c.Interval, Credentials: credentials,
		}}}},
		log: log, ledger: "sqlite:" + filepath.Join(sandboxDir, "fahuo.db"), redis: tasks.Embedded,
		embedded: "127.0.0.1:0", listen: "off", notifyListen: "off", callTimeout: c.CallTimeout,
		retry: worker.Retry{Base: c.RetryBase, Cap: c.RetryCap, For: c.RetryFor}, probeEvery: c.ProbeEvery,
		onEvent: show.event,
		started: func(book *ledger.Ledger, belt *tasks.Belt) error {
			open, why, err := openDesk(ctx, c.SandboxDesk, book, log)
			if err != nil {
				return err
			}
			page = open
			if err := show.begin(ctx, book, belt, gateway.Gateway); err != nil {
				return err
			}
			show.desk(page, why)
			return nil
		},
		stopped: func() error {
			if page == nil {
				return nil
			}
			return page.close()
		},
	})
}

// setStage puts the sample trades into the simulated gateway as they would be after what the ledger says
// has happened: the gateway forgets when the sandbox stops, the ledger does not.
func setStage(ctx context.Context, book *ledger.Ledger, gateway *alipaytest.Gateway, rows []shipment.Shipment) error {
	for _, s := range rows {
		row, err := book.Get(ctx, s.Key())
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		setTrade(gateway, s, row)
	}
	return nil
}

func setTrade(gateway *alipaytest.Gateway, s shipment.Shipment, row ledger.Row) {
	trade := alipaytest.Trade{Partner: s.Partner, No: s.TradeNo, OutTradeNo: s.OrderRef}
	called := row.SentAttempts > 0
	fault := alipaytest.Fault{TradeNo: s.TradeNo}
	switch s.TradeNo[len(s.TradeNo)-4:] {
	case sampleMissing:
		for _, service := range []string{"query", "ship"} {
			gateway.Inject(alipaytest.Fault{
				Service: service, TradeNo: s.TradeNo, Kind: alipaytest.ErrorCode, Code: alipay.CodeTradeNotExist, Times: -1,
			})
		}
		return
	case sampleInstant:
		trade.Status = "TRADE_SUCCESS"
	case sampleRetry:
		fault.Kind = alipaytest.BusyRetry
	case sampleApplied:
		fault.Kind, fault.When = alipaytest.SystemError, alipaytest.After
		if called {
			trade.Status = "WAIT_BUYER_CONFIRM_GOODS"
		}
	case sampleOutOfStep:
		fault.Kind = alipaytest.StatusNotAvailable
	}
	if row.State == shipment.Shipped {
		trade.Status = "WAIT_BUYER_CONFIRM_GOODS"
	}
	gateway.PutTrade(trade)
	if fault.Kind != 0 && !called {
		gateway.Inject(fault)
	}
}
