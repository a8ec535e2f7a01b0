package alipay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// queryConnLife is how old a query's connection may get, so that a change of the gateway's address
	// is followed (S1).
	queryConnLife = 60 * time.Second
	// queryPoolLife is how long connections are used for new queries. It ends well before
	// queryConnLife, so that no query under way is cut off by the age of its connection.
	queryPoolLife = 30 * time.Second
)

// Query asks for a trade's status. It returns the answer, the parameters without sign, and how long it
// took. Without a deadline in ctx it ends with its connection's life. Cancelling is safe: a query changes nothing.
func (c *Client) Query(ctx context.Context, creds *Credentials, tradeNo string) (Answer, Params, time.Duration) {
	start := time.Now()
	params := creds.common(ServiceQuery)
	params["trade_no"] = tradeNo
	return c.query(ctx, creds, tradeNo, params), params, time.Since(start)
}

func (c *Client) query(ctx context.Context, creds *Credentials, tradeNo string, params Params) Answer {
	request, err := c.post(ctx, creds, params)
	if err != nil {
		return Answer{Err: briefly(err)}
	}
	response, err := c.queries.client().Do(request)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return Answer{Err: briefly(fmt.Errorf("query: %w", err))}
	}
	contentType := response.Header.Get("Content-Type")
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return partial(response.StatusCode, contentType, body, fmt.Errorf("query: read the answer: %w", err))
	}
	return ParseQueryAnswer(creds, tradeNo, response.StatusCode, contentType, body)
}

// queryPool hands out the transport that queries share, and another one once it is too old.
type queryPool struct {
	renew func() *http.Transport

	mu      sync.Mutex
	current *http.Transport
	born    time.Time
}

// client gives an HTTP client that follows no redirect.
func (p *queryPool) client() *http.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || time.Since(p.born) >= queryPoolLife {
		if p.current != nil {
			p.current.CloseIdleConnections() // one in use is closed when its query has ended
		}
		p.current, p.born = p.renew(), time.Now()
	}
	return &http.Client{
		Transport:     p.current,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *queryPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.CloseIdleConnections()
	}
}

// newTransport makes a transport of HTTP/1.1 alone, without proxy.
func (c *Client) newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		DialContext: c.dialMortal, TLSClientConfig: config.Clone(), TLSHandshakeTimeout: connectTimeout,
		MaxIdleConnsPerHost: 4, IdleConnTimeout: queryPoolLife, MaxResponseHeaderBytes: maxHead, DisableCompression: true,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// dialMortal makes a connection that closes itself when it is too old, whatever it is doing (S1).
func (c *Client) dialMortal(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &mortal{Conn: conn, timer: time.AfterFunc(queryConnLife, func() { _ = conn.Close() })}, nil
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
