package alipay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"
)

// connectTimeout bounds dialling and, for queries, the handshake.
const connectTimeout = 10 * time.Second

// Options are what a client is made of.
type Options struct {
	Gateway     string         // see CheckGateway
	RootCAs     *x509.CertPool // nil: the system's
	UserTimeout time.Duration  // TCP_USER_TIMEOUT of ship connections; the call timeout. 0: the kernel's default
	UserAgent   string         // empty: fahuo
	TestSystems bool           // Alipay's test systems may be called, too: for a check, never for shipping (A3)
	// Dial makes raw connections. nil: the ordinary way, which looks the name up anew each time (S1).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client talks to one gateway for any number of accounts. It is safe for concurrent use.
type Client struct {
	url         *url.URL
	address     string      // host:port
	tls         *tls.Config // of ship connections; nil: plain http on loopback
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
	userTimeout time.Duration
	userAgent   string
	queries     *http.Client
}

// NewClient checks the address and prepares. Nothing is dialled.
func NewClient(o Options) (*Client, error) {
	check := CheckGateway
	if o.TestSystems {
		check = CheckAddress
	}
	u, err := check(o.Gateway)
	if err != nil {
		return nil, err
	}
	c := &Client{url: u, dial: o.Dial, userTimeout: o.UserTimeout, userAgent: o.UserAgent}
	if c.dial == nil {
		c.dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	if c.userAgent == "" {
		c.userAgent = "fahuo"
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	c.address = net.JoinHostPort(u.Hostname(), port)
	// HTTP/1.1 alone: over HTTP/2 a library decides what is written when, and repeats.
	config := &tls.Config{ServerName: u.Hostname(), RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if u.Scheme == "https" {
		c.tls = config
	}
	c.queries = newQueries(c.dial, config)
	return c, nil
}

// Host is the gateway's name.
func (c *Client) Host() string { return c.url.Hostname() }

// Close closes what queries left. Ship connections belong to those who made them.
func (c *Client) Close() { c.queries.CloseIdleConnections() }
