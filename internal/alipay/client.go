package alipay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"fahuo/internal/shipment"
)

// queryConnLife is how old a query's connection may get, so that a change of the gateway's address is
// followed (S1).
const queryConnLife = 60 * time.Second

// Options are what a client is made of.
type Options struct {
	Gateway     string
	RootCAs     *x509.CertPool // nil: the system's
	UserTimeout time.Duration  // TCP_USER_TIMEOUT of ship connections; the call timeout
	UserAgent   string
	Dial        func(ctx context.Context, network, address string) (net.Conn, error) // nil: the ordinary way
}

// Client talks to one gateway for any number of accounts. It is safe for concurrent use.
type Client struct {
	url         *url.URL
	address     string // host:port
	tls         *tls.Config
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
	userTimeout time.Duration
	userAgent   string
	queries     *http.Client
	transport   *http.Transport
}

// NewClient checks the address and prepares. Nothing is dialled.
func NewClient(o Options) (*Client, error) {
	u, err := CheckGateway(o.Gateway)
	if err != nil {
		return nil, err
	}
	c := &Client{url: u, dial: o.Dial, userTimeout: o.UserTimeout, userAgent: o.UserAgent}
	if c.dial == nil {
		c.dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if c.userAgent == "" {
		c.userAgent = "fahuo"
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	c.address = net.JoinHostPort(u.Hostname(), port)
	config := &tls.Config{ServerName: u.Hostname(), RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if u.Scheme == "https" {
		c.tls = config
	}
	c.transport = &http.Transport{
		DialContext: c.dialMortal, TLSClientConfig: config.Clone(), MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, DisableCompression: true,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
	}
	c.queries = &http.Client{
		Transport:     c.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// dialMortal makes a connection that closes itself when it is too old.
func (c *Client) dialMortal(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	m := &mortal{Conn: conn}
	m.timer = time.AfterFunc(queryConnLife, func() { _ = conn.Close() }) // a query under way fails and counts as unanswered
	return m, nil
}

type mortal struct {
	net.Conn
	timer *time.Timer
}

// Close implements net.Conn.
func (m *mortal) Close() error {
	m.timer.Stop()
	return m.Conn.Close()
}

// Request is a signed ship call, ready to be written.
type Request struct {
	tradeNo string
	params  Params
	wire    []byte
}

// Params are the request's parameters without sign: what a record may hold.
func (r *Request) Params() Params { return r.params }

// NewShipRequest signs a shipment and prepares the bytes that go out in one write. It refuses what the
// interface cannot carry: a character that the charset lacks, & or = in a value.
func (c *Client) NewShipRequest(ctx context.Context, creds *Credentials, s shipment.Shipment) (*Request, error) {
	params, err := creds.shipParams(s)
	if err != nil {
		return nil, err
	}
	body, err := creds.signed(params)
	if err != nil {
		return nil, err
	}
	request, err := c.post(ctx, creds, body)
	if err != nil {
		return nil, err
	}
	request.Close = true
	var wire bytes.Buffer
	out := bufio.NewWriter(&wire)
	if err := errors.Join(request.Write(out), out.Flush()); err != nil {
		return nil, fmt.Errorf("prepare the request: %w", err)
	}
	return &Request{tradeNo: s.TradeNo, params: params, wire: wire.Bytes()}, nil
}

// post makes the HTTP request: the URL carries _input_charset and nothing more, the body everything (I3).
func (c *Client) post(ctx context.Context, creds *Credentials, body []byte) (*http.Request, error) {
	target := *c.url
	target.RawQuery = "_input_charset=" + string(creds.Charset)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset="+string(creds.Charset))
	request.Header.Set("User-Agent", c.userAgent)
	return request, nil
}

// Query asks for a trade's status. It returns the answer, the parameters without sign, and how long it
// took.
func (c *Client) Query(ctx context.Context, creds *Credentials, tradeNo string) (Answer, Params, time.Duration) {
	start := time.Now()
	params := creds.common(ServiceQuery)
	params["trade_no"] = tradeNo
	a, err := c.query(ctx, creds, tradeNo, params)
	if err != nil {
		a.Err = err
	}
	return a, params, time.Since(start)
}

func (c *Client) query(ctx context.Context, creds *Credentials, tradeNo string, params Params) (a Answer, err error) {
	body, err := creds.signed(params)
	if err != nil {
		return a, err
	}
	request, err := c.post(ctx, creds, body)
	if err != nil {
		return a, err
	}
	response, err := c.queries.Do(request)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return a, fmt.Errorf("query: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return Answer{HTTPStatus: response.StatusCode}, fmt.Errorf("query: read the answer: %w", err)
	}
	return ParseQueryAnswer(creds, tradeNo, response.StatusCode, response.Header.Get("Content-Type"), answer), nil
}
