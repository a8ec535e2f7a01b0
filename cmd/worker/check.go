package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/check"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

type checkCmd struct {
	target

	Account             string        `placeholder:"PARTNER" help:"Only this account. Default: all that are configured."`
	TradeNo             string        `placeholder:"N" help:"A trade of the account to look at: its kind and status, and whether it could be shipped."`
	Ship                string        `placeholder:"LOGISTICS_NAME" help:"Ship the trade, once, by this courier. Only for a parcel that has really left."`
	InvoiceNo           string        `placeholder:"N" help:"With --ship: the waybill's number."`
	TransportType       string        `default:"EXPRESS" help:"With --ship: POST, EXPRESS, EMS or DIRECT."`
	CreateTransportType string        `placeholder:"TYPE" help:"With --ship: the type given when the trade was created."`
	SellerIP            string        `name:"seller-ip" placeholder:"IP" help:"With --ship: the seller's address."`
	WaitNotify          time.Duration `placeholder:"D" help:"With --trade-no: wait so long for Alipay's notification that the trade is shipped."`
	JSON                bool          `name:"json" help:"Print the report as JSON, and nothing else on standard output."`
}

// shipWithin is how long a check waits for the account's slot, which running workers want as well.
const shipWithin = 3 * time.Minute

// defaultRetry is how a worker with default settings repeats what a check leaves in line.
var defaultRetry = worker.Retry{Base: 30 * time.Second, Cap: 30 * time.Minute, For: 24 * time.Hour}

// batchOfChecks is the batch in which shipments of checks are found.
const batchOfChecks = "worker check"

// Run is `worker check`.
func (c *checkCmd) Run(ctx context.Context, g *cli, s streams) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := c.options(g)
	o.Log = g.logger(s).Level(zerolog.WarnLevel)
	if o.Client != nil {
		defer o.Client.Close()
	}
	report := check.Run(ctx, o)
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(s.out); err != nil {
		return err
	}
	return verdict(report)
}

// verdict is the exit code: 2 where the configuration is at fault, 1 where anything else is.
func verdict(r check.Report) error {
	var names []string
	for _, s := range r.Failures() {
		names = append(names, strings.TrimSpace(string(s.ID)+" "+s.Account))
	}
	if len(names) == 0 {
		return nil
	}
	err := fmt.Errorf("check failed: %s; the report says what to do", strings.Join(names, ", "))
	if r.Failed(check.Configuration) {
		return settings.Usage(err)
	}
	return err
}

// options reads the configuration. What is wrong with one part of it keeps no other from being checked.
func (c *checkCmd) options(g *cli) check.Options {
	l := c.load(alipay.CheckAddress)
	faults := append(g.Validate(), l.faults...)
	o := check.Options{
		Gateway: c.Gateway, Accounts: l.accounts, Host: check.ThisHost{}, Hosts: "/etc/hosts", TradeNo: shipment.Unwrap(c.TradeNo), ShipWithin: shipWithin,
		WaitNotify: c.WaitNotify, CallTimeout: c.CallTimeout, Retry: defaultRetry, Name: "check " + processName(), Person: settings.Person(),
		Embedded: g.EmbeddedRedisAddr,
	}
	for _, w := range l.warnings {
		o.Warnings = append(o.Warnings, "account "+w.partner+": "+w.text)
	}
	if l.gateway != nil {
		var err error
		o.Client, err = alipay.NewClient(alipay.Options{Gateway: c.Gateway, UserTimeout: c.CallTimeout, TestSystems: true})
		faults = append(faults, err)
	}
	if ledger.Check(g.Ledger) == nil {
		o.Ledger = g.Ledger
	}
	if tasks.Check(g.Redis) == nil {
		o.Redis = g.Redis
	}
	faults = append(faults, c.choose(&o))
	o.Fault = errors.Join(append(faults, c.shipment(&o))...)
	return o
}

// choose keeps the account that was asked for. A trade is one account's.
func (c *checkCmd) choose(o *check.Options) error {
	if c.Account == "" {
		if c.TradeNo != "" && len(o.Accounts) > 1 {
			names := partners(o.Accounts)
			o.TradeNo = ""
			return fmt.Errorf("--trade-no: whose? add --account with one of %s", names)
		}
		return nil
	}
	for _, a := range o.Accounts {
		if a.Credentials.Partner == c.Account {
			o.Accounts = []worker.Account{a}
			return nil
		}
	}
	names := partners(o.Accounts)
	o.Accounts, o.TradeNo = nil, ""
	return fmt.Errorf("--account: %s is not among the accounts that can be used: %s", c.Account, names)
}

func partners(accounts []worker.Account) string {
	names := make([]string, len(accounts))
	for i, a := range accounts {
		names[i] = a.Credentials.Partner
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// shipment makes the shipment of --ship.
func (c *checkCmd) shipment(o *check.Options) error {
	switch {
	case c.TradeNo == "" && (c.Ship != "" || c.WaitNotify > 0):
		return errors.New("--ship and --wait-notify: of which trade? add --trade-no")
	case c.Ship == "" && (c.InvoiceNo != "" || c.CreateTransportType != "" || c.SellerIP != ""):
		return errors.New("--invoice-no, --create-transport-type and --seller-ip are for a shipment; add --ship LOGISTICS_NAME, or leave them out")
	case o.TradeNo == "" || len(o.Accounts) != 1:
		return nil // there is nothing to look at, or somebody else has said why not
	}
	s := shipment.Shipment{
		Partner: o.Accounts[0].Credentials.Partner, TradeNo: o.TradeNo, LogisticsName: c.Ship, InvoiceNo: c.InvoiceNo,
		TransportType: c.TransportType, CreateTransportType: c.CreateTransportType, SellerIP: c.SellerIP, Batch: batchOfChecks, Urgent: true,
	}.Normalize()
	if c.Ship == "" {
		s.LogisticsName = "-" // the trade's number alone is to be looked at
	}
	if err := s.Validate(); err != nil {
		return fmt.Errorf("--trade-no, --ship: %w", err)
	}
	if c.Ship != "" {
		o.Ship = &s
	}
	return nil
}
