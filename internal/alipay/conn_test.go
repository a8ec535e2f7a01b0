package alipay

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

func TestShipOverTheWire(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	p := listen(t, nil, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
		respond(200, good)(c)
	})
	before := time.Now()
	r := ship(t, p.client(t), openWindow())
	if r.Outcome != Succeeded || !r.Sent || r.FirstByte.Before(before) || r.LateBy != 0 || r.Duration <= 0 {
		t.Fatalf("%+v", r)
	}
	request := <-p.last
	if request.Method != http.MethodPost || request.URL.String() != "/gateway.do?_input_charset=utf-8" {
		t.Errorf("%s %s (I3)", request.Method, request.URL)
	}
	want := url.Values{
		"service": {ServiceShip}, "partner": {parcel.Partner}, "_input_charset": {"utf-8"}, "trade_no": {tradeNo}, "logistics_name": {"顺丰速运"},
		"invoice_no": {"SF1"}, "transport_type": {"EXPRESS"}, "sign_type": {"MD5"}, "sign": {request.Form.Get("sign")},
	}
	if request.Form.Encode() != want.Encode() {
		t.Errorf("body %s\nwant %s", request.Form.Encode(), want.Encode())
	}
	signed := Params{}
	for name := range want {
		signed[name] = request.Form.Get(name)
	}
	if err := testCredentials().Verify(signed, "utf-8", "MD5", request.Form.Get("sign")); err != nil {
		t.Error(err)
	}
}

// Whatever the gateway does, one call is at most one connection and one request, and what is not a clean
// answer is unknown.
func TestShipFaults(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	hang := make(chan struct{})
	defer close(hang)
	for name, c := range map[string]struct {
		answer    func(net.Conn)
		window    Window
		firstByte bool
		complete  bool
	}{
		"closes without a word": {func(net.Conn) {}, openWindow(), false, false},
		"resets": {func(c net.Conn) {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}, openWindow(), false, false},
		"answers half": {func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good), good[:100])
		}, openWindow(), true, false},
		"half a document": {respond(200, good[:200]), openWindow(), true, false},
		"no HTTP":         {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n") }, openWindow(), true, false},
		"a 503 page":      {respond(503, "<html>"), openWindow(), true, false},
		"redirects": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
		}, openWindow(), true, false},
		"a huge page":       {respond(200, strings.Repeat("x", 2*maxAnswer)), openWindow(), true, false},
		"provisional alone": {func(c net.Conn) { _, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 102 x\r\n\r\n", 11)) }, openWindow(), true, false},
		"hangs":             {func(net.Conn) { <-hang }, Window{Write: 5 * time.Second, Answer: -4500 * time.Millisecond}, false, false},
		"T without a trade": {respond(200, "<alipay><is_success>T</is_success></alipay>"), openWindow(), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			answer := c.answer
			if name == "hangs" { // the peer's loop is busy hanging: let it go when the client has
				answer = func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
			}
			p := listen(t, nil, answer)
			r := ship(t, p.client(t), c.window)
			if r.Outcome != Unknown || r.Err == nil || !r.Sent || r.Complete != c.complete || r.FirstByte.IsZero() == c.firstByte {
				t.Errorf("%+v", r)
			}
			if p.conns.Load() != 1 || p.requests.Load() != 1 {
				t.Errorf("%d connections, %d requests", p.conns.Load(), p.requests.Load())
			}
		})
	}
}

func TestNothingIsWrittenAfterTheWindow(t *testing.T) {
	for name, w := range map[string]Window{
		"long past":     {Start: time.Now().Add(-time.Hour), Write: time.Second, Answer: time.Second},
		"just past":     {Start: time.Now().Add(-time.Second), Write: time.Second, Answer: time.Second},
		"no window":     {Start: time.Now(), Write: 0, Answer: time.Second},
		"suspended":     {Start: time.Now().Round(0).Add(-2 * time.Second), Write: time.Second, Answer: time.Second},
		"never started": {},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tls %v", name, secure), func(t *testing.T) {
				p := listen(t, nil, func(net.Conn) {})
				c := p.client(t)
				if secure {
					config, roots := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
					p = listen(t, config, func(net.Conn) {})
					c = newClient(t, Options{Gateway: "https://" + p.Addr().String() + "/gateway.do", RootCAs: roots})
				}
				r := ship(t, c, w)
				if r.Sent || !errors.Is(r.Err, ErrWindowClosed) || !r.FirstByte.IsZero() {
					t.Fatalf("%+v", r)
				}
				if n := p.requests.Load(); n != 0 {
					t.Fatalf("%d requests arrived", n)
				}
			})
		}
	}
}

// slowConn is a raw connection whose write takes long: the process is stopped after the comparison.
type slowConn struct {
	net.Conn
	stopped time.Duration
}

func (s *slowConn) Write(p []byte) (int, error) {
	<-time.After(s.stopped)
	if s.Conn != nil {
		return s.Conn.Write(p)
	}
	return len(p), nil
}

func (s *slowConn) SetWriteDeadline(time.Time) error { return nil }

func TestAWriteThatCameLateAllTheSameIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{Conn: &slowConn{stopped: 5 * time.Second}}
		g.arm(Window{Start: time.Now(), Write: time.Second})
		if _, err := g.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if sent, late := g.wrote(); !sent || late < 4*time.Second {
			t.Fatalf("sent %v, late by %v", sent, late)
		}
		if _, err := g.Write([]byte("y")); !errors.Is(err, ErrWindowClosed) {
			t.Fatalf("a second write after the window: %v", err)
		}
	})
}

// Who has been stopped in the middle of the write has no time left for the answer, and needs it.
func TestTheAnswerToALateWriteIsWaitedFor(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS"})
	synctest.Test(t, func(t *testing.T) {
		mine, theirs := net.Pipe()
		p := &peer{last: make(chan *http.Request, 1)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.serve(theirs, respond(http.StatusOK, good))
		}()
		c := newClient(t, Options{Gateway: "http://127.0.0.1:1/gateway.do", Dial: func(context.Context, string, string) (net.Conn, error) {
			return &slowConn{Conn: mine, stopped: 5 * time.Second}, nil
		}})
		start := time.Now()
		r := ship(t, c, Window{Start: start, Write: time.Second, Answer: 2 * time.Second})
		<-done
		if r.Outcome != Succeeded || r.LateBy < 4*time.Second || r.FirstByte.Before(start.Add(5*time.Second)) {
			t.Errorf("%+v", r)
		}
	})
}

func TestUsableSeesThatThePeerHasGone(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c := newClient(t, Options{Gateway: "http://" + l.Addr().String() + "/gateway.do"})
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Usable(); err != nil {
		t.Fatalf("a fresh connection: %v", err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	for conn.Usable() == nil {
		if t.Context().Err() != nil {
			t.Fatal("a closed connection seems usable")
		}
	}
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// certificate makes a self-signed certificate for a host and the pool that trusts it.
func certificate(t *testing.T, until time.Time, host string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestTLSIsVerified(t *testing.T) {
	right, roots := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	expired, expiredRoots := certificate(t, time.Now().Add(-time.Minute), "127.0.0.1")
	other, otherRoots := certificate(t, time.Now().Add(time.Hour), "mapi.example.com")
	old := right.Clone()
	old.MaxVersion = tls.VersionTLS11
	for name, c := range map[string]struct {
		config *tls.Config
		roots  *x509.CertPool
		want   string
	}{
		"right":       {right, roots, ""},
		"self-signed": {right, otherRoots, "the certificate of 127.0.0.1 is self-signed"},
		"expired":     {expired, expiredRoots, "the certificate of 127.0.0.1 expired on 20"},
		"other name":  {other, otherRoots, "the certificate of 127.0.0.1 is not for this name but for mapi.example.com"},
		"TLS 1.1":     {old, roots, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			p := listen(t, c.config, respond(200, "<alipay><is_success>F</is_success><error>RETRY</error></alipay>"))
			client := newClient(t, Options{Gateway: "https://" + p.Addr().String() + "/gateway.do", RootCAs: c.roots})
			conn, err := client.Connect(t.Context())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), p.Addr().String()) {
					t.Fatalf("connected: %v", err)
				}
				if a, _, _ := client.Query(t.Context(), testCredentials(), tradeNo); a.Outcome != Unknown || !strings.Contains(a.Err.Error(), c.want) {
					t.Fatalf("queried: %+v", a)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			if r := ship(t, client, openWindow()); r.Outcome != Busy {
				t.Fatalf("%+v", r)
			}
		})
	}
}

func TestConnectRefused(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, Options{Gateway: "http://" + addr + "/gateway.do"})
	if _, err := c.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), addr) {
		t.Fatal(err)
	}
	a, params, _ := c.Query(t.Context(), testCredentials(), tradeNo)
	if a.Outcome != Unknown || a.Err == nil || a.HTTPStatus != 0 || params["trade_no"] != tradeNo || params["sign"] != "" {
		t.Fatalf("%+v %v", a, params)
	}
}

func TestQueryOverTheWire(t *testing.T) {
	good := signedAnswer(t, "trade", Params{"trade_no": tradeNo, "trade_status": "WAIT_SELLER_SEND_GOODS"})
	p := listen(t, nil, respond(200, good))
	a, _, took := p.client(t).Query(t.Context(), testCredentials(), tradeNo)
	if a.Outcome != Succeeded || took <= 0 {
		t.Fatalf("%+v", a)
	}
	request := <-p.last
	if request.URL.RawQuery != "_input_charset=utf-8" || request.Form.Get("service") != ServiceQuery || len(request.Form) != 6 {
		t.Fatalf("%s %v", request.URL, request.Form)
	}
	redirecting := listen(t, nil, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 302 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
	})
	if a, _, _ := redirecting.client(t).Query(t.Context(), testCredentials(), tradeNo); a.Outcome != Unknown || redirecting.requests.Load() != 1 {
		t.Fatalf("%+v after %d requests", a, redirecting.requests.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a, _, _ := p.client(t).Query(ctx, testCredentials(), tradeNo); a.Outcome != Unknown || a.Err == nil {
		t.Fatalf("%+v", a)
	}
}

// S1: no address is kept: every query looks the name up, connects, and closes.
func TestEveryQueryHasAConnectionOfItsOwn(t *testing.T) {
	closed := make(chan error, 3)
	p := listen(t, nil, func(c net.Conn) {
		respond(200, "<alipay><is_success>F</is_success><error>RETRY</error></alipay>")(c)
		_, err := c.Read(make([]byte, 1))
		closed <- err
	})
	client := p.client(t)
	for range 3 {
		if a, _, _ := client.Query(t.Context(), testCredentials(), tradeNo); a.Outcome != Busy {
			t.Fatalf("%+v", a)
		}
		if err := <-closed; !errors.Is(err, io.EOF) {
			t.Fatalf("the connection is kept: %v", err)
		}
	}
	if n := p.conns.Load(); n != 3 {
		t.Errorf("%d connections for 3 queries", n)
	}
}
