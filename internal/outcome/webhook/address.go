package webhook

import (
	"fmt"
	"net/netip"
	"syscall"
)

// notPublic are the IPv4 addresses that no receiver on the Internet has: IANA's registry of special purposes, and
// multicast.
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)

// Of IPv6 only what has been given out as global unicast is public, and of that not what leads into IPv4 by another
// name (Teredo, 6to4) or is for documents. NAT64, mapped, unique local, link-local and multicast lie outside of it.
var (
	global6    = netip.MustParsePrefix("2000::/3")
	notPublic6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

func prefixes(all ...string) (list []netip.Prefix) {
	for _, p := range all {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// public tells whether an address is one of the Internet's.
func public(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	list := notPublic
	if addr.Is6() {
		if !global6.Contains(addr) {
			return false
		}
		list = notPublic6
	}
	for _, p := range list {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsValid()
}

// private tells of a host in a URL that it is certainly not public: an address, or this machine. A name is looked at
// when it is dialled.
func private(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && !public(addr))
}

func errNotPublic(host string) error {
	return fmt.Errorf("%s is not a public address; if this receiver is in your own network, set allow_private: true for it", host)
}

// onlyPublic is a dialer's control: it sees the address that the name has led to, right before it is connected to, so
// a name that leads elsewhere from one moment to the next gets nobody past it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if !public(at.Addr()) {
		return errNotPublic(at.Addr().String())
	}
	return nil
}
