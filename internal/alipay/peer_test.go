package alipay

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"fahuo/internal/shipment"
)

var parcel = shipment.Shipment{
	Partner: "2088000000000001", TradeNo: tradeNo, LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: "EXPRESS",
}

// peer is a gateway that answers by a script, and counts what reached it.
type peer struct {
	net.Listener
	conns    atomic.Int32
	requests atomic.Int32
	last     chan *http.Request // the request that came last, its form parsed
}

// listen accepts connections, reads one request from each and hands the raw connection to answer.
func listen(t *testing.T, config *tls.Config, answer func(net.Conn)) *peer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return serveAt(t, l, answer)
}

// serveAt answers whoever connects to a listener.
func serveAt(t *testing.T, l net.Listener, answer func(net.Conn)) *peer {
	t.Helper()
	p := &peer{Listener: l, last: make(chan *http.Request, 10)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			p.serve(c, answer)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return p
}

func (p *peer) serve(c net.Conn, answer func(net.Conn)) {
	defer func() { _ = c.Close() }()
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	request.Form, _ = url.ParseQuery(string(body))
	p.requests.Add(1)
	p.last <- request
	answer(c)
}

func respond(status int, body string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %d x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
}

func (p *peer) client(t *testing.T) *Client {
	t.Helper()
	return newClient(t, Options{Gateway: "http://" + p.Addr().String() + "/gateway.do", UserTimeout: time.Second})
}

func newClient(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ship makes one call. An open window without a start begins right before it.
func ship(t *testing.T, c *Client, w Window) Result {
	t.Helper()
	request, err := c.NewShipRequest(t.Context(), testCredentials(), parcel)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	if w.Start.IsZero() && w.Write > 0 {
		w.Start = time.Now()
	}
	return conn.Ship(testCredentials(), request, w)
}

func openWindow() Window { return Window{Write: 5 * time.Second, Answer: time.Minute} }
