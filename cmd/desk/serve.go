package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fahuo/internal/desk"
	"fahuo/internal/settings"
)

type serveCmd struct {
	Listen         string   `env:"FAHUO_DESK_LISTEN" default:"127.0.0.1:8080" help:"Address to listen on."`
	Users          string   `env:"FAHUO_DESK_USERS" placeholder:"FILE" help:"Who may log in; desk user add writes it."`
	SecureCookies  bool     `env:"FAHUO_DESK_SECURE_COOKIES" help:"Browsers reach this by https, through a proxy: cookies are for https alone."`
	TrustedProxies []string `name:"trusted-proxies" env:"FAHUO_DESK_TRUSTED_PROXIES" placeholder:"ADDRESS" help:"Proxies whose X-Forwarded-For says from where a browser comes: addresses or networks, with commas between."`
	AllowPlainHTTP bool     `name:"allow-plain-http" env:"FAHUO_DESK_ALLOW_PLAIN_HTTP" help:"Listen off loopback although passwords then cross the network unencrypted."`
}

// check refuses what would give passwords away.
func (c *serveCmd) check() error {
	var faults []error
	host, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil:
		faults = append(faults, fmt.Errorf("--listen (FAHUO_DESK_LISTEN) %q is not HOST:PORT", c.Listen))
	case !settings.Loopback(host) && !c.SecureCookies && !c.AllowPlainHTTP:
		faults = append(faults, fmt.Errorf("--listen %s is not on loopback, so passwords would cross the network unencrypted: put a proxy with https in front and give --secure-cookies, "+
			"or give --allow-plain-http if the network itself is trusted", c.Listen))
	}
	if c.Users == "" {
		faults = append(faults, errors.New("--users (FAHUO_DESK_USERS) is missing; make the file with: desk user add NAME --role operator --users FILE"))
	}
	if _, err := c.proxies(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// proxies reads addresses and networks.
func (c *serveCmd) proxies() (all []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if ip, err2 := netip.ParseAddr(text); err2 == nil {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies (FAHUO_DESK_TRUSTED_PROXIES) %q is neither an address, as 127.0.0.1, nor a network, as 10.1.0.0/16", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Run is `desk`.
func (c *serveCmd) Run(ctx context.Context, g *cli, s streams) (err error) {
	if err := errors.Join(append(g.Validate(), c.check())...); err != nil {
		return settings.Usage(err)
	}
	proxies, err := c.proxies()
	if err != nil {
		return settings.Usage(err)
	}
	users, err := desk.LoadUsers(c.Users)
	if err != nil {
		return settings.Usage(err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := g.logger(s)
	listener, err := settings.Listen(ctx, "--listen (FAHUO_DESK_LISTEN)", c.Listen, "another desk, or the sandbox")
	if err != nil {
		return err
	}
	book, err := settings.OpenLedger(ctx, g.Ledger, log)
	if err != nil || book == nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	d, err := desk.New(desk.Options{Book: book, Users: users, Log: log, SecureCookies: c.SecureCookies, Proxies: proxies})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer d.Stop()
	note := ""
	if c.SecureCookies {
		note = ", for a proxy with https: nobody can log in here directly, since cookies are for https alone"
	}
	if _, err := fmt.Fprintf(s.out, "The desk is at http://%s%s\n", listener.Addr(), note); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := desk.Server(d)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	log.Info().Str("address", "http://"+listener.Addr().String()).Str("ledger", book.URL()).Msg("serving")
	select {
	case <-ctx.Done():
	case err := <-done:
		return err
	}
	stop() // a second signal ends the process at once
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = server.Shutdown(limited)
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	log.Info().Msg("stopped")
	return err
}
