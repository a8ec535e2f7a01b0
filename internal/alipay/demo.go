package alipay

import (
	"slices"
	"strings"
)

// DemoIdentities names what of an account, and of the gateway's host, comes out of Alipay's published examples: none
// of it may ship in production, and what is traded under it is charged 3 % (A3). Empty: nothing.
func DemoIdentities(c *Credentials, host string) (all []string) {
	if IsDemoPartner(c.Partner) {
		all = append(all, "partner "+c.Partner+" is one of Alipay's demo accounts")
	}
	if IsDemoKey(c.Key) {
		all = append(all, "its key is a placeholder of Alipay's examples")
	}
	if IsDemoHost(host) {
		all = append(all, "the gateway "+host+" is one of Alipay's test systems")
	}
	return all
}

// demoPartners stand in Alipay's published examples. Trades under them are charged 3 % (A3).
var demoPartners = []string{
	"2088201564809153", "2088101122136241", "2088002007018916", "2088101568338364", "2088101568358171",
	"2088001159940003", "2088002396712354", "2088101106499364", "2088101125328850", "2088111956092332",
	"2088501624560335", "2088621877192410", "2088000000000000", "2088123456789012",
}

// IsDemoPartner tells whether a partner is one of Alipay's demo accounts.
func IsDemoPartner(partner string) bool { return slices.Contains(demoPartners, partner) }

// IsDemoKey tells whether a key is a placeholder: one digit repeated, or a digit followed by zeros.
func IsDemoKey(key Secret) bool {
	s := key.Reveal()
	if s == "" || s[0] < '0' || s[0] > '9' {
		return false
	}
	return strings.Trim(s, s[:1]) == "" || strings.Trim(s[1:], "0") == ""
}

// IsDemoHost tells whether a host is one of Alipay's test systems.
func IsDemoHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range []string{"alipaydev.com", "alipay.net"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}
