package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client sends messages. It follows no redirect, asks no proxy, and connects to public addresses only, unless a
// webhook says otherwise.
type Client struct {
	timeout           time.Duration
	public, anyPlaces *http.Client
}

// NewClient makes a client; a message takes no longer than timeout, its answer included.
func NewClient(timeout time.Duration) *Client {
	return &Client{timeout: timeout, public: newHTTP(&net.Dialer{Control: onlyPublic}), anyPlaces: newHTTP(&net.Dialer{})}
}

func newHTTP(d *net.Dialer) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			// No proxy: what it connects to would be past every check.
			Proxy:                  nil,
			DialContext:            d.DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second, // so that a change of address is followed
		},
		// A redirect could lead anywhere, and would be followed without the body.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Close gives idle connections up.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.anyPlaces.CloseIdleConnections()
}

// Answer is what came of a message.
type Answer struct {
	Status     int           // 0: there was none
	RetryAfter time.Duration // asked for by the receiver; 0: nothing was asked for
	Err        error         // why there is no answer
}

// maxAnswer is how much of an answer is read; nothing in it matters.
const maxAnswer = 64 << 10

// Send sends a message as its own id, signed for this moment.
func (c *Client) Send(ctx context.Context, w Webhook, id string, body []byte) Answer {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{Err: withoutURL(err)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "fahuo-webhook/1")
	if err := w.sign(request.Header, id, time.Now(), body); err != nil {
		return Answer{Err: err}
	}
	client := c.public
	if w.AllowPrivate {
		client = c.anyPlaces
	}
	response, err := client.Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", c.timeout)
		}
		return Answer{Err: withoutURL(err)}
	}
	defer func() { _ = response.Body.Close() }() // the answer's status is what counts
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer))
	return Answer{Status: response.StatusCode, RetryAfter: retryAfter(response.Header.Get("Retry-After"), time.Now())}
}

// withoutURL leaves the URL out of an error: it may hold what is to be kept to oneself.
func withoutURL(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return inURL.Err
	}
	return err
}

// retryAfter reads the header in either of its forms; 0 for none or one that cannot be read.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if when, err := http.ParseTime(value); err == nil {
		return max(when.Sub(now), 0)
	}
	return 0
}
