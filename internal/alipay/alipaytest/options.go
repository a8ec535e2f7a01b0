package alipaytest

import (
	"crypto/tls"
	"time"

	"fahuo/internal/alipay"
)

// Options are a simulated gateway's settings. The zero value is a gateway that knows nobody.
type Options struct {
	// Accounts are the merchants that the gateway knows; anyone else is answered ILLEGAL_PARTNER.
	Accounts []Account
	// Interval is the law about pace (U2): the smallest gap between two ship arrivals of one account,
	// without any tolerance. 0: not checked.
	Interval time.Duration
	// AutoTrades makes a trade number that is not known a paid escrow trade of the partner who names it
	// first. Otherwise it is answered TRADE_NOT_EXIST.
	AutoTrades bool
	// Trades and Faults are there from the first request on; see PutTrade and Inject.
	Trades []Trade
	Faults []Fault
	// Seed decides about faults with a Chance and about what Alipay leaves open, such as whether an answer
	// repeats the request. The same seed and the same order of requests give the same answers.
	Seed uint64
	// ClockAhead is how much the gateway's clock, as the header Date of its answers tells it, is ahead of the true one.
	ClockAhead time.Duration
	// TLS, if set, is what a Server proves itself with: it speaks https then.
	TLS *tls.Config
	// Log, if set, is called once for every finished request, for one at a time.
	Log func(Event)
}

// Account is a merchant as the gateway knows it.
type Account struct {
	// Credentials are the merchant's, mirrored: for MD5 the same key; for RSA PublicKey is the merchant's
	// and PrivateKey the gateway's own.
	Credentials alipay.Credentials
	// Interval overrules Options.Interval for this account.
	Interval time.Duration
	// NoShip and NoQuery: not signed up for the interface, ILLEGAL_PARTNER_EXTERFACE.
	NoShip, NoQuery bool
	// Refuse is the code with which every well-formed request is refused; see SetAccountRefusal.
	Refuse string
}

// may says whether the account has signed up for a service.
func (a *Account) may(service string) bool {
	switch service {
	case alipay.ServiceShip:
		return !a.NoShip
	case alipay.ServiceQuery:
		return !a.NoQuery
	}
	return false
}

// Event is one finished request with the laws that it broke.
type Event struct {
	Arrival  Arrival
	Breaches []Breach
}
