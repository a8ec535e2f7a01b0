package alipaytest

import (
	"time"

	"fahuo/internal/alipay"
)

// verdict is what the gateway makes of a request.
type verdict struct {
	code  string // the refusal; empty: success
	trade Trade  // of a success: as the answer shows it, which with a fault need not be as it is
	fault Fault
}

// decide finds a request's verdict and changes the trade, if it is to be changed now. The order is the
// real gateway's as far as one can tell: the front, the account, the interface. The caller holds mu.
func (g *Gateway) decide(c *call) verdict {
	req := c.req
	switch {
	case len(req.violations) > 0:
		return verdict{code: req.violations[0].code}
	case g.refusals[req.partner] != "":
		return verdict{code: g.refusals[req.partner]}
	case !req.account.may(req.service):
		return verdict{code: codeMayNotUse}
	}
	v := verdict{fault: g.take(req)}
	v.trade, v.code = g.apply(c, v.fault.ships())
	if code := v.fault.code(); code != "" {
		v.code = code
	}
	return v
}

// apply does what the interface is for: it finds the trade and, for a ship call, ships it if it is to.
// Otherwise nothing changes and the result is what would have been. The caller holds mu.
func (g *Gateway) apply(c *call, ships bool) (Trade, string) {
	now := time.Now()
	t, ok := g.find(c.req, now)
	switch {
	case !ok:
		return t, codeNoTrade
	case c.req.service == alipay.ServiceQuery:
		return t, ""
	}
	next, code := t.ship(c.req, now)
	if ships && code == "" {
		g.trades[t.No] = next
		g.arrivals[c.n-1].Applied = !t.shipped()
		g.changed()
	}
	return next, code
}

// applyLate is apply after a fault's delay.
func (g *Gateway) applyLate(c *call) (Trade, string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.apply(c, true)
}
