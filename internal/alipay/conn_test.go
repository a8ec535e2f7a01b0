package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fahuo/internal/proctest"
)

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
		"hangs":             {func(net.Conn) { <-hang }, Window{Write: 5 * time.Second, Answer: -3 * time.Second}, false, false},
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

func TestConnectRefused(t *testing.T) {
	addr := proctest.Deserted(t)
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
