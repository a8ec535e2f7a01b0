package alipay

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"

	"fahuo/internal/shipment"
)

// The services and the one gateway (I1).
const (
	ServiceShip       = "send_goods_confirm_by_platform"
	ServiceQuery      = "single_trade_query"
	ProductionGateway = "https://mapi.alipay.com/gateway.do"
)

// CheckGateway reads a gateway's address. Off loopback it must be https (I1) and a DNS name (S1); it
// carries no parameters of its own (I3).
func CheckGateway(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an address such as %s", raw, ProductionGateway)
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || (ip != nil && ip.IsLoopback())
	switch {
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("the gateway %q must have no parameters, fragment or user", u.Redacted())
	case local:
	case ip != nil:
		return nil, fmt.Errorf("the gateway %q is an IP address; use its DNS name, so that a change of address is followed", raw)
	case u.Scheme != "https":
		return nil, fmt.Errorf("the gateway %q is not https", raw)
	case IsDemoHost(host):
		return nil, fmt.Errorf("the gateway %q is one of Alipay's test systems, which do not ship", raw)
	}
	return u, nil
}

// encodeForm gives a body: percent-encoded bytes of the charset, by name, without empty values (G2).
func encodeForm(p Params, cs Charset) ([]byte, error) {
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

// EncodeForm gives the body of a request: percent-encoded bytes of the charset, sorted by name, without
// empty values (G2, I3).
func EncodeForm(p Params, cs Charset) ([]byte, error) { return encodeForm(p, cs) }

// signed adds sign and sign_type (I2) and encodes the body.
func (c *Credentials) signed(p Params) (body []byte, err error) {
	sign, err := c.Sign(p, c.Charset)
	if err != nil {
		return nil, err
	}
	full := Params{"sign": sign, "sign_type": string(c.SignType)}
	for name, value := range p {
		full[name] = value
	}
	return encodeForm(full, c.Charset)
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
	for name, value := range p {
		// The joined text would be ambiguous: two requests with one signature.
		if strings.ContainsAny(value, "&=") || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, errors.New(name + " contains &, = or a control character")
		}
		if value == "" {
			delete(p, name) // G2
		}
	}
	return p, nil
}
