package alipay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// What goes out is what was asked for, and nothing that a library adds (I3, I4).
func TestTheWireOfAShipRequest(t *testing.T) {
	c := newClient(t, Options{Gateway: "https://gw.example.com/gateway.do", UserAgent: "x/1"})
	gbk := testCredentials()
	gbk.Charset = GBK
	request, err := c.NewShipRequest(t.Context(), gbk, parcel)
	if err != nil {
		t.Fatal(err)
	}
	in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request.wire)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	for name, values := range in.Header {
		head = append(head, name+": "+strings.Join(values, ","))
	}
	slices.Sort(head)
	want := []string{
		"Accept-Encoding: identity", "Connection: close", fmt.Sprintf("Content-Length: %d", len(body)),
		"Content-Type: application/x-www-form-urlencoded; charset=gbk", "User-Agent: x/1",
	}
	if !slices.Equal(head, want) {
		t.Errorf("head %q\nwant %q", head, want)
	}
	if in.RequestURI != "/gateway.do?_input_charset=gbk" || in.Host != "gw.example.com" || in.Proto != "HTTP/1.1" || in.Method != http.MethodPost {
		t.Errorf("%s %s %s at %s", in.Method, in.RequestURI, in.Proto, in.Host)
	}
	if !strings.Contains(string(body), "logistics_name=%CB%B3%B7%E1%CB%D9%D4%CB&") || !strings.Contains(string(body), "_input_charset=gbk&") {
		t.Errorf("body %s", body)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form.Get("sign")) != 32 || form.Get("sign_type") != "MD5" {
		t.Errorf("%v %v (I2)", form, err)
	}
	request.Params()["trade_no"] = "changed"
	if request.Params()["trade_no"] != tradeNo {
		t.Error("who gets the parameters can change them")
	}
}

// A query is refused before anything is dialled where its text would be ambiguous or cannot be encoded.
func TestQueryRefusals(t *testing.T) {
	p := listen(t, nil, func(net.Conn) {})
	unparsed := testCredentials()
	unparsed.Charset = "UTF-8" // not what ParseCharset gives
	for name, c := range map[string]struct {
		creds *Credentials
		no    string
	}{
		"ambiguous": {testCredentials(), tradeNo + "&a=b"}, "a line break": {testCredentials(), tradeNo + "\n"}, "a charset unparsed": {unparsed, tradeNo},
	} {
		if a, _, _ := p.client(t).Query(t.Context(), c.creds, c.no); a.Outcome != Unknown || a.Err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if n := p.conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestEncodeRefusesWhatNobodyAgreesOn(t *testing.T) {
	for _, c := range []struct {
		charset Charset
		text    string
		says    string
	}{
		{GBK, "€5", "€"},    // Windows alone has it, as one byte
		{GB2312, "€5", "€"}, // the same
		{GBK, "顺😀", "😀"},
		{GBK, "\uE000", "U+E000"},
		{"", "顺", "not one of"},
		{"UTF-8", "顺", "not one of"}, // only what ParseCharset gives: anything else would silently be GBK
		{UTF8, "\xff", "valid"},
	} {
		if b, err := c.charset.Encode(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q in %q: %x %v", c.text, c.charset, b, err)
		}
	}
	for name, want := range map[string]Charset{"UTF-8": UTF8, " gbk ": GBK, "GB2312": GB2312, "utf8": UTF8} {
		if got, err := ParseCharset(name); err != nil || got != want {
			t.Errorf("%q: %q %v", name, got, err)
		}
	}
}

// S1: an address is an address in whatever shape, and no error shows a password.
func TestCheckGatewaySeesThroughDisguise(t *testing.T) {
	for _, host := range []string{"2130706433", "0x7f.1", "127.1", "10.0.0.1.", "[fe80::1%25eth0]", "[2001:db8::1]", "0xC0A80101"} {
		if _, err := CheckGateway("https://" + host + "/gateway.do"); err == nil || !strings.Contains(err.Error(), "DNS name") {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"LOCALHOST:1", "127.0.0.2:1", "[::1]:1"} {
		if _, err := CheckGateway("http://" + host + "/gateway.do"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, raw := range []string{"ftp://u:pw@gw.example.com/", "https://u:pw@gw.example.com/", "https://u:pw@gw.example.com:x/", "https://u:pw@%zz/"} {
		if _, err := CheckGateway(raw); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// What had come when the connection broke is kept for the record (R3), and decides nothing.
func TestABrokenAnswerIsKeptForTheRecord(t *testing.T) {
	good := signedAnswer(t, "tradeBase", Params{"trade_no": tradeNo, "trade_status": "WAIT_BUYER_CONFIRM_GOODS", "buyer_email": "someone@example.com"})
	cut := func(c net.Conn) {
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good), good[:len(good)-1])
	}
	r := ship(t, listen(t, nil, cut).client(t), openWindow())
	a, _, _ := listen(t, nil, cut).client(t).Query(t.Context(), testCredentials(), tradeNo)
	for _, a := range []Answer{r.Answer, a} {
		if a.Outcome != Unknown || a.Complete || a.Verified || a.TradeStatus != "" || a.HTTPStatus != 200 || a.Err == nil {
			t.Errorf("%+v", a)
		}
		if !strings.Contains(a.Body, "WAIT_BUYER_CONFIRM_GOODS") || strings.Contains(a.Body, "someone") {
			t.Errorf("the record: %s", a.Body)
		}
	}
}

// A document that is whole is an answer, whatever the connection does afterwards: an ending that does not come up to the
// announced length, or none at all.
func TestAWholeAnswerOnABrokenConnection(t *testing.T) {
	for node, status := range map[string]string{"tradeBase": "WAIT_BUYER_CONFIRM_GOODS", "trade": "WAIT_SELLER_SEND_GOODS"} {
		good := signedAnswer(t, node, Params{"trade_no": tradeNo, "trade_status": status})
		short := func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good)+1, good)
		}
		var a Answer
		if node == "trade" {
			a, _, _ = listen(t, nil, short).client(t).Query(t.Context(), testCredentials(), tradeNo)
		} else {
			a = ship(t, listen(t, nil, short).client(t), openWindow()).Answer
		}
		if a.Outcome != Succeeded || !a.Complete || !a.Verified || a.TradeStatus != status || a.Err != nil {
			t.Errorf("%s: %+v", node, a)
		}
	}
}

// A head without end is given up, long before the deadline.
func TestAnEndlessHead(t *testing.T) {
	p := listen(t, nil, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for line := []byte("X: " + strings.Repeat("x", 4000) + "\r\n"); ; {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	})
	r := ship(t, p.client(t), openWindow())
	if r.Outcome != Unknown || r.Err == nil || errors.Is(r.Err, os.ErrDeadlineExceeded) || !r.Sent || r.FirstByte.IsZero() {
		t.Errorf("%+v", r)
	}
}
