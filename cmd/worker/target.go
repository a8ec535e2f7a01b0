package main

import (
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"fahuo/internal/accounts"
	"fahuo/internal/alipay"
	"fahuo/internal/notify"
	"fahuo/internal/outcome/webhook"
	"fahuo/internal/worker"
)

// smallestInterval is what Alipay asks for (U2); less is allowed against a gateway on loopback only.
const smallestInterval = 10 * time.Second

// target is what run and check have in common: whose shipments, and where to.
type target struct {
	AccountsFile string        `name:"accounts" env:"FAHUO_ACCOUNTS" placeholder:"FILE" help:"The accounts (YAML). Without it ALIPAY_PARTNER and ALIPAY_KEY_FILE or ALIPAY_KEY name one."`
	Gateway      string        `env:"ALIPAY_GATEWAY" default:"https://mapi.alipay.com/gateway.do" help:"Alipay's gateway. Plain http and IP addresses on loopback only."`
	Interval     time.Duration `env:"FAHUO_INTERVAL" default:"10s" help:"Smallest gap between two ship calls of one account. Under 10s only for a gateway on loopback."`
	CallTimeout  time.Duration `env:"FAHUO_CALL_TIMEOUT" default:"15s" help:"How long an answer is waited for; after it the outcome is unknown."`
}

// served are the accounts that the worker works for, and whom it tells of what becomes of their shipments.
type served struct {
	accounts []worker.Account
	webhooks map[string][]webhook.Webhook // by account; every account is in it
	notified []notify.Account             // the same accounts, as their notifications are read
	warnings []warning                    // what is most likely a slip in them
}

// same tells whether nothing is different in what is served.
func (s served) same(o served) bool {
	return worker.Compare(s.accounts, o.accounts).None() && reflect.DeepEqual(s.webhooks, o.webhooks) &&
		slices.EqualFunc(s.notified, o.notified, func(a, b notify.Account) bool {
			return a.Credentials.Partner == b.Credentials.Partner && a.Charset == b.Charset && slices.Equal(a.Sellers, b.Sellers)
		})
}

// loaded is a target as it was read: what could be, and what is wrong with the rest.
type loaded struct {
	served
	gateway *url.URL // nil: it is wrong
	faults  []error
}

// outside tells whether the gateway is somebody else's.
func (l loaded) outside() bool { return l.gateway != nil && !alipay.IsLoopback(l.gateway.Hostname()) }

// warning is what is most likely a slip in an account, and no reason not to serve it.
type warning struct{ partner, text string }

// load reads the accounts and their keys. gateway is which addresses will do.
func (t *target) load(gateway func(string) (*url.URL, error)) (l loaded) {
	var err error
	if l.gateway, err = gateway(t.Gateway); err != nil {
		l.faults = append(l.faults, fmt.Errorf("--gateway (ALIPAY_GATEWAY): %w", err))
	}
	local := err == nil && !l.outside()
	l.faults = append(l.faults, positive("--call-timeout (FAHUO_CALL_TIMEOUT)", t.CallTimeout), checkInterval("--interval (FAHUO_INTERVAL)", t.Interval, local))
	l.webhooks = make(map[string][]webhook.Webhook)
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
		l.webhooks[a.Credentials.Partner] = a.Webhooks
		l.accounts = append(l.accounts, worker.Account{Name: a.Name, Interval: a.Interval, NoPreflight: !a.Preflight, Credentials: a.Credentials})
		l.notified = append(l.notified, notify.Account{Credentials: a.Credentials, Charset: a.NotifyCharset, Sellers: a.Sellers})
	}
	return l
}

// accounts reads those that are to be served, as they are now.
func (c *runCmd) accounts() loaded {
	l := c.load(alipay.CheckGateway)
	for i, a := range l.accounts {
		l.accounts[i].NoPreflight = a.NoPreflight || c.NoPreflight
		if l.outside() {
			l.faults = append(l.faults, refuseDemo(a.Credentials, l.gateway.Hostname()))
		}
	}
	return l
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
