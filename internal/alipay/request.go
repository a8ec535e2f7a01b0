package alipay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"fahuo/internal/shipment"
)

// Request is a signed ship call, ready to be written.
type Request struct {
	tradeNo string
	params  Params
	wire    []byte // head and body
}

// Params are the request's parameters without sign and sign_type: what a record may hold.
func (r *Request) Params() Params { return maps.Clone(r.params) }

// NewShipRequest signs a shipment and prepares the bytes that go out in one write. It refuses what the
// interface cannot carry: a character that the charset lacks, & or = in a value, a shipment of another
// account (U4).
func (c *Client) NewShipRequest(ctx context.Context, creds *Credentials, s shipment.Shipment) (*Request, error) {
	params, err := creds.shipParams(s)
	if err != nil {
		return nil, err
	}
	request, err := c.post(ctx, creds, params)
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

// common are the parameters of every request (G3, G6).
func (c *Credentials) common(service string) Params {
	return Params{"service": service, "partner": c.Partner, "_input_charset": string(c.Charset)}
}

// shipParams are the parameters of a ship call, without sign.
func (c *Credentials) shipParams(s shipment.Shipment) (Params, error) {
	if s.Partner != c.Partner { // U4
		return nil, fmt.Errorf("a shipment of account %s cannot be signed by account %s", s.Partner, c.Partner)
	}
	if err := s.Validate(); err != nil { // G3, G4, G5
		return nil, err
	}
	p := c.common(ServiceShip)
	p["trade_no"] = s.TradeNo
	p["logistics_name"] = s.LogisticsName
	p["invoice_no"] = s.InvoiceNo
	p["transport_type"] = s.TransportType
	p["create_transport_type"] = s.CreateTransportType
	p["seller_ip"] = s.SellerIP
	maps.DeleteFunc(p, func(_, value string) bool { return value == "" }) // G2
	return p, nil
}

// post makes the HTTP request: the URL carries _input_charset and nothing more, the body everything (I3).
func (c *Client) post(ctx context.Context, creds *Credentials, p Params) (*http.Request, error) {
	body, err := creds.signed(p)
	if err != nil {
		return nil, err
	}
	target := *c.url
	target.RawQuery = "_input_charset=" + string(creds.Charset)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset="+string(creds.Charset))
	request.Header.Set("Accept-Encoding", "identity") // a packed answer could not be read
	request.Header.Set("User-Agent", c.userAgent)
	return request, nil
}

// signed adds sign and sign_type (I2) and encodes the body.
func (c *Credentials) signed(p Params) ([]byte, error) {
	for name, value := range p {
		// The joined text would be ambiguous: two requests with one signature.
		if strings.ContainsAny(value, "&=") || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, errors.New(name + " contains &, = or a control character")
		}
	}
	sign, err := c.Sign(p, c.Charset)
	if err != nil {
		return nil, err
	}
	full := maps.Clone(p)
	full["sign"], full["sign_type"] = sign, string(c.SignType)
	return EncodeForm(full, c.Charset)
}

// EncodeForm gives the body of a request: percent-encoded bytes of the charset, sorted by name, without
// empty values (G2, I3). A character that the charset lacks is an error that names the parameter.
func EncodeForm(p Params, cs Charset) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range p.names() {
		value, err := cs.Encode(p[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if out.Len() > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(string(value)))
	}
	return out.Bytes(), nil
}
