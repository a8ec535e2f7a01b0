package alipay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Window is when a ship call may be written and how long its answer is waited for.
type Window struct {
	Start   time.Time     // m0: taken before the ledger's begin transaction was sent
	Write   time.Duration // V: no byte is written at or after Start + V
	Deliver time.Duration // how long the kernel may go on delivering it; 0: as the client was told
	Answer  time.Duration // TO: the answer is waited for until Start + V + TO; for TO when it was written after that
}

// Result is how a ship call went.
type Result struct {
	Answer
	Sent      bool          // false only when it is certain that not one byte of the request was written
	FirstByte time.Time     // when the answer began to arrive; zero: it did not
	LateBy    time.Duration // above 0: written after the window all the same, the process was stopped in between
	Duration  time.Duration // from just before the write to the end
}

// Conn is a connection for one ship call, dialled and shaken hands with beforehand.
type Conn struct {
	client *Client
	guard  *guard
	conn   net.Conn // the guard, or TLS over it
}

// Connect makes a connection for one ship call. It looks the name up anew (S1) and verifies the
// certificate.
func (c *Client) Connect(ctx context.Context) (*Conn, error) {
	raw, err := c.dial(ctx, "tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.address, err)
	}
	setUserTimeout(raw, c.userTimeout)
	g := &guard{Conn: raw}
	if c.tls == nil {
		return &Conn{client: c, guard: g, conn: g}, nil
	}
	secure := tls.Client(g, c.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("shake hands with %s: %w", c.address, explainTLS(c.url.Hostname(), err)), raw.Close())
	}
	return &Conn{client: c, guard: g, conn: secure}, nil
}

// Usable tells whether the peer still has the connection open, as far as can be seen without writing; on
// systems other than Linux it is always nil. Ask just before begin: a call on a dead connection costs
// the slot and leaves a doubt.
func (c *Conn) Usable() error { return usable(c.guard.Conn, c.client.tls == nil) }

// Close closes the connection. It may be called twice.
func (c *Conn) Close() error {
	if err := c.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrWindowClosed) {
		return err
	}
	return nil
}

// Ship writes the request, waits for the answer, and closes the connection. It cannot be cancelled: what
// may have been written must be waited for. Nothing below it retries, redirects or reuses.
func (c *Conn) Ship(creds *Credentials, r *Request, w Window) Result {
	if w.Deliver > 0 {
		// Also when this process is killed: the kernel keeps the socket's settings.
		setUserTimeout(c.guard.Conn, w.Deliver)
	}
	c.guard.arm(w)
	start := time.Now()
	result := c.exchange(creds, r, w)
	result.Sent, result.LateBy = c.guard.wrote()
	result.Duration = time.Since(start)
	if !result.Complete {
		c.guard.abort()
	}
	if err := c.Close(); err != nil && result.Err == nil && !result.Complete {
		result.Err = briefly(err)
	}
	return result
}

func (c *Conn) exchange(creds *Credentials, r *Request, w Window) (result Result) {
	// One write: head and body leave together or not at all.
	if _, err := c.conn.Write(r.wire); err != nil {
		result.Err = briefly(fmt.Errorf("write the request: %w", err))
		return result
	}
	deadline := w.Start.Add(w.Write + w.Answer)
	if _, late := c.guard.wrote(); late > 0 && !time.Now().Before(deadline) {
		// Nobody reckons with this call any more. All the more its answer has to be known: it keeps the next
		// call an interval away.
		deadline = time.Now().Add(w.Answer)
	}
	if err := c.guard.SetReadDeadline(deadline); err != nil {
		result.Err = briefly(err)
		return result
	}
	// The limit is for heads without end; bodies have their own.
	first := &firstByte{Reader: io.LimitReader(c.conn, 2*maxAnswer)}
	status, contentType, body, err := readResponse(bufio.NewReader(first))
	result.Answer = ParseShipAnswer(creds, r.tradeNo, status, contentType, body)
	if err != nil {
		result.Answer = partial(result.Answer, fmt.Errorf("read the answer: %w", err))
	}
	result.FirstByte = first.at
	return result
}

// readResponse reads one HTTP response, whole.
func readResponse(in *bufio.Reader) (status int, contentType string, body []byte, err error) {
	for range 10 {
		response, err := http.ReadResponse(in, &http.Request{Method: http.MethodPost})
		if err != nil {
			return 0, "", nil, err
		}
		if response.StatusCode >= 100 && response.StatusCode < 200 {
			continue // provisional: the answer follows
		}
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
		return response.StatusCode, response.Header.Get("Content-Type"), body, errors.Join(err, response.Body.Close())
	}
	return 0, "", nil, errors.New("too many provisional answers")
}

// firstByte notes when the first byte arrived: by then the request had.
type firstByte struct {
	io.Reader
	at time.Time
}

func (f *firstByte) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if n > 0 && f.at.IsZero() {
		f.at = time.Now()
	}
	return n, err
}
