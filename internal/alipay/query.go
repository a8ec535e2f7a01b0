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
	"time"
)

// Query asks for a trade's status. It returns the answer, the parameters without sign, and how long it
// took. Its time is bounded by ctx alone. Cancelling is safe: a query changes nothing.
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
	response, err := c.queries.Do(request)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err
		}
		return Answer{Err: briefly(fmt.Errorf("query: %w", explainTLS(c.url.Hostname(), err)))}
	}
	contentType := response.Header.Get("Content-Type")
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	a := ParseQueryAnswer(creds, tradeNo, response.StatusCode, contentType, body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		a = partial(a, fmt.Errorf("query: read the answer: %w", err))
	}
	a.Date, _ = http.ParseTime(response.Header.Get("Date")) // without one there is none
	return a
}

// newQueries makes the HTTP client of queries: HTTP/1.1 alone, without proxy, following no redirect. Every
// query has a connection of its own: no address is kept longer than a query takes (S1), and nothing idle is
// held open at the gateway. A handshake every ten seconds costs less than the states of a pool.
func newQueries(dial func(ctx context.Context, network, address string) (net.Conn, error), config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dial, TLSClientConfig: config.Clone(), TLSHandshakeTimeout: connectTimeout, DisableKeepAlives: true,
			MaxResponseHeaderBytes: maxHead, DisableCompression: true,
			TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
