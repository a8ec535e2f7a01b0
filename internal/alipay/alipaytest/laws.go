package alipaytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fahuo/internal/alipay"
)

// Law is a rule that the gateway watches over.
type Law string

// The laws. All but BadRequest are about ship calls alone.
const (
	Gap            Law = "gap"             // U2: two arrivals of an account closer together than the interval
	InFlight       Law = "in_flight"       // U2: a call while another one of the account has no answer yet
	AlreadyShipped Law = "already_shipped" // U7: a call for a trade that is shipped
	AfterRefusal   Law = "after_refusal"   // C1: a call after TRADE_STATUS_NOT_AVAILD, but for a person's (refused)
	BadRequest     Law = "bad_request"     // G1 to G6, I2 to I4, A1
)

// line is what the gateway remembers of an account for the laws about pace.
type line struct {
	ships  []int // arrivals that are ship calls, by N, ascending
	flying []*call
}

// line is that of a partner. The caller holds mu.
func (g *Gateway) line(partner string) *line {
	l := g.lines[partner]
	if l == nil {
		l = &line{}
		g.lines[partner] = l
	}
	return l
}

// judge measures a call, now that it has been read, by the laws. The caller holds mu.
func (g *Gateway) judge(c *call) {
	if len(c.req.violations) > 0 {
		var details []string
		for _, v := range c.req.violations {
			details = append(details, v.detail)
		}
		g.breach(c, Breach{Law: BadRequest, Code: c.req.violations[0].code, Detail: strings.Join(details, "; ")})
	}
	if !c.ship() {
		return
	}
	g.judgePace(c)
	g.judgeFlight(c)
	g.calls[c.req.tradeNo]++
	if t := g.trades[c.req.tradeNo]; t.shipped() {
		g.arrivals[c.n-1].Repeat = true
		g.breach(c, Breach{Law: AlreadyShipped, Detail: fmt.Sprintf("the trade is %s; call %d for it", t.Status, g.calls[t.No])})
	}
	if r := g.refused[c.req.tradeNo]; r != nil && !r.again() {
		g.breach(c, Breach{Law: AfterRefusal, Detail: "the trade was answered " + codeOutOfStep + " before"})
	}
}

// refused is a trade that was answered TRADE_STATUS_NOT_AVAILD. A person may have it called once more when a query
// says that it waits after all, and then it is in doubt and queried once more before the call. So one call after two
// such answers is taken for a person's. A program that goes on by itself comes to a second one, however often it
// asks. For a trade that a person has sent again twice, PutTrade says that the matter is settled.
type refused struct {
	waits int  // queries since, with the answer that it waits
	sent  bool // the one call was made
}

// again tells whether a call may be a person's, and counts it.
func (r *refused) again() bool {
	if r.sent || r.waits < 2 {
		return false
	}
	r.sent = true
	return true
}

// noteRefusal keeps what a caller was told of a trade that is or was refused. The caller holds mu.
func (g *Gateway) noteRefusal(c *call, said string) {
	no := c.req.tradeNo
	switch r := g.refused[no]; {
	case c.ship() && upperCase(said) == codeOutOfStep && r == nil:
		g.refused[no] = new(refused)
	case c.ship() && upperCase(said) == codeOutOfStep:
		r.waits = 0
	case c.req.service == alipay.ServiceQuery && said == succeeded && r != nil && g.trades[no].waits():
		r.waits++
	}
}

// judgePace measures the gaps to the account's calls before and, since a request may be read late, after
// this one. There is no tolerance: who asks the next call's permission after the answer to the previous
// one is late enough by every clock.
func (g *Gateway) judgePace(c *call) {
	l := g.line(c.req.partner)
	at, _ := slices.BinarySearch(l.ships, c.n)
	l.ships = slices.Insert(l.ships, at, c.n)
	for _, i := range []int{at, at + 1} {
		if i == 0 || i >= len(l.ships) {
			continue
		}
		before, this := &g.arrivals[l.ships[i-1]-1], &g.arrivals[l.ships[i]-1]
		this.Gap = this.At.Sub(before.At)
		if want := g.interval(c); this.Gap < want {
			g.breach(c, Breach{
				Law: Gap, N: this.N, TradeNo: this.TradeNo, At: this.At,
				Detail: fmt.Sprintf("%v after arrival %d, the interval is %v", this.Gap, before.N, want),
			})
		}
	}
}

func (g *Gateway) interval(c *call) time.Duration {
	if a := c.req.account; a != nil && a.Interval > 0 {
		return a.Interval
	}
	return g.options.Interval
}

// judgeFlight looks whether another call of the account has neither an answer nor lost its caller.
func (g *Gateway) judgeFlight(c *call) {
	l := g.line(c.req.partner)
	var others []string
	var with []int
	for _, other := range l.flying {
		if other.alive() {
			with = append(with, other.n)
			others = append(others, fmt.Sprintf("arrival %d for %s", other.n, other.req.tradeNo))
		}
	}
	if len(others) > 0 {
		g.breach(c, Breach{Law: InFlight, With: with, Detail: "still in flight: " + strings.Join(others, ", ")})
	}
	l.flying = append(l.flying, c)
}

// land ends a call's flight. The caller holds mu.
func (g *Gateway) land(c *call) {
	if c.req != nil && c.ship() {
		l := g.line(c.req.partner)
		l.flying = slices.DeleteFunc(l.flying, func(other *call) bool { return other == c })
	}
}

// breach records a broken law; what b leaves empty is taken from the call. The caller holds mu.
func (g *Gateway) breach(c *call, b Breach) {
	a := &g.arrivals[c.n-1]
	b.Partner = c.req.partner
	if b.N == 0 {
		b.N, b.TradeNo, b.At = a.N, a.TradeNo, a.At
	}
	g.breaches = append(g.breaches, b)
	c.breaches = append(c.breaches, b)
}
