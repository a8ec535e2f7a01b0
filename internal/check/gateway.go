package check

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
)

// expiresSoon is how long before a certificate's end it is told.
const expiresSoon = 14 * 24 * time.Hour

// lookUpWithin is how long the gateway's name is looked up, and a connection made.
const (
	lookUpWithin  = 5 * time.Second
	connectWithin = 10 * time.Second
)

// dns looks the gateway's name up, anew, as every call does (S1).
func (r *run) dns(ctx context.Context) {
	host := r.host()
	switch {
	case host == "":
		r.reachable = "the gateway's address is wrong; see configuration"
		r.skip(DNS, "", r.reachable)
		return
	case net.ParseIP(host) != nil:
		r.skip(DNS, "", host+" is an address; there is nothing to look up")
		return
	}
	resolver := r.o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	addresses, err := resolver.LookupHost(ctx, host)
	if err != nil {
		r.reachable = "the gateway's name does not resolve"
		r.fail(DNS, "", host+" does not resolve: "+err.Error(), "look at this host's DNS (/etc/resolv.conf); the name must be looked up, never written into /etc/hosts (S1)")
		return
	}
	var notes []string
	if !r.local() && pinned(r.o.Hosts, host) {
		notes = append(notes, "the name stands in "+r.o.Hosts+": a change of its address would not be followed (S1); take it out")
	}
	r.pass(DNS, "", host+" is "+strings.Join(addresses, ", "), notes...)
}

// pinned tells whether a file of hosts has a name. One that cannot be read has not: nothing is looked up in it either.
func pinned(file, host string) bool {
	text, err := os.ReadFile(file) //nolint:gosec // the system's own
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for i, name := range strings.Fields(line) {
			if i > 0 && strings.EqualFold(strings.TrimSuffix(name, "."), host) {
				return true
			}
		}
	}
	return false
}

// tls makes a connection as a ship call does and reads what the gateway has proved itself with (I1).
func (r *run) tls(ctx context.Context) {
	if r.reachable != "" {
		r.skip(Connection, "", r.reachable)
		r.skip(TLS, "", r.reachable)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	conn, err := r.o.Client.Connect(ctx)
	if err != nil {
		r.noConnection(err)
		return
	}
	certificate, peer := conn.Certificate(), conn.Peer()
	if err := conn.Close(); err != nil {
		r.o.Log.Debug().Err(err).Msg("close a connection that was only made to look at it")
	}
	r.pass(Connection, "", "connected to "+peer)
	if certificate == nil {
		r.skip(TLS, "", "plain http, which only a gateway on this host may speak")
		return
	}
	left := time.Until(certificate.NotAfter)
	text := fmt.Sprintf("the certificate of %s verifies; %s has issued it, and it is valid until %s", r.host(), certificate.Issuer,
		certificate.NotAfter.In(beijing.Zone).Format("2006-01-02"))
	if left < expiresSoon {
		r.pass(TLS, "", text, fmt.Sprintf("it expires within %.0f days; when it is not renewed, no call is made any more", left.Hours()/24))
		return
	}
	r.pass(TLS, "", text)
}

// noConnection tells a gateway that is not there from a certificate that was refused, and that from anything else that
// keeps TLS from coming about.
func (r *run) noConnection(err error) {
	refused := new(alipay.CertificateError)
	dial := new(net.OpError)
	switch {
	case errors.As(err, &refused):
		r.reachable = "the gateway's certificate is refused"
		r.pass(Connection, "", "somebody answers at "+r.host())
		r.fail(TLS, "", refused.Error(), "do not go around it: somebody may be in the middle. Look at proxies that open TLS, at this host's clock, and at its certificate authorities (package ca-certificates)")
	case errors.As(err, &dial) && dial.Op == "dial":
		r.reachable = "the gateway cannot be reached"
		r.fail(Connection, "", oneLine(err), "look at the way out of this host: firewall, route, proxy; the gateway needs port 443")
		r.skip(TLS, "", r.reachable)
	default:
		r.reachable = "TLS does not come about"
		r.pass(Connection, "", "somebody answers at "+r.host())
		r.fail(TLS, "", oneLine(err), "is it Alipay's gateway that answers there? TLS 1.2 or later is needed")
	}
}
