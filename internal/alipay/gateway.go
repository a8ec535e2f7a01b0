package alipay

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// The services and the one gateway (I1).
const (
	ServiceShip       = "send_goods_confirm_by_platform"
	ServiceQuery      = "single_trade_query"
	ProductionGateway = "https://mapi.alipay.com/gateway.do"
)

// CheckGateway reads a gateway's address. Off loopback it must be https (I1) and a DNS name (S1); it
// carries no parameters of its own (I3). Alipay's test systems are refused with an error of their own
// (A3). No error shows a password that stands in the address.
func CheckGateway(raw string) (*url.URL, error) {
	u, err := CheckAddress(raw)
	if err == nil && IsDemoHost(u.Hostname()) {
		return nil, fmt.Errorf("the gateway %q is one of Alipay's test systems, which do not ship", u)
	}
	return u, err
}

// CheckAddress is CheckGateway for those who only try: Alipay's test systems are taken, too.
func CheckAddress(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("the gateway is not an address such as %s", ProductionGateway)
	}
	shown := u.Redacted()
	if u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an address such as %s", shown, ProductionGateway)
	}
	host := u.Hostname()
	switch {
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("the gateway %q must have no parameters, fragment or user", shown)
	case IsLoopback(host):
	case isAddress(host):
		return nil, fmt.Errorf("the gateway %q is an IP address; use its DNS name, so that a change of address is followed", shown)
	case u.Scheme != "https":
		return nil, fmt.Errorf("the gateway %q is not https", shown)
	}
	return u, nil
}

// IsLoopback tells whether a host is this machine itself, where a simulated gateway may be.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && addr.IsLoopback())
}

// isAddress tells whether a host pins an address (S1). Resolvers take numbers in other shapes for
// addresses too (2130706433, 0x7f.1, 127.1): no name's last label is a number.
func isAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == "" || strings.Trim(strings.TrimPrefix(last, "0x"), "0123456789abcdef") == "" && strings.HasPrefix(last, "0x")
}
