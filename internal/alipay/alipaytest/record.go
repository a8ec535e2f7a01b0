package alipaytest

import (
	"context"
	"slices"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/shipment"
)

// Arrival is one request as the gateway saw it.
type Arrival struct {
	N        int           `json:"n"`        // 1 for the first; in order of At
	Service  string        `json:"service"`  // as the request says; empty until it has been read
	Partner  string        `json:"partner"`  // likewise
	TradeNo  string        `json:"trade_no"` // likewise
	Remote   string        `json:"remote"`   // the caller's address and port: the same port is the same connection
	At       time.Time     `json:"at"`       // when the handler was entered; monotonic within this process
	Answered time.Time     `json:"answered,omitzero"`
	Gap      time.Duration `json:"gap_ns"` // ship calls: from the account's previous ship arrival; 0: there was none
	Answer   string        `json:"answer"` // "T" or the code answered; empty: no answer in the protocol's sense
	Fault    FaultKind     `json:"fault,omitempty"`
	Applied  bool          `json:"applied"`            // this call shipped the trade
	Repeat   bool          `json:"repeat"`             // the trade had been shipped before this call
	Gone     bool          `json:"gone"`               // the caller was no longer there when the answer was ready
	AlsoKey  bool          `json:"also_key,omitempty"` // signed with Account.AlsoKey
	// Params are what was sent, decoded, without sign and sign_type.
	Params alipay.Params `json:"params,omitempty"`
}

// Ship says whether it was a ship call.
func (a Arrival) Ship() bool { return a.Service == alipay.ServiceShip }

// Key is the shipment that it was about.
func (a Arrival) Key() shipment.Key { return shipment.Key{Partner: a.Partner, TradeNo: a.TradeNo} }

// Breach is one broken law.
type Breach struct {
	Law     Law       `json:"law"`
	N       int       `json:"n"` // the arrival that broke it
	Partner string    `json:"partner"`
	TradeNo string    `json:"trade_no"`
	Code    string    `json:"code,omitempty"` // bad_request: the code answered
	With    []int     `json:"with,omitempty"` // in_flight: the arrivals that were
	Detail  string    `json:"detail"`
	At      time.Time `json:"at"`
}

// Key is the shipment that it was about.
func (b Breach) Key() shipment.Key { return shipment.Key{Partner: b.Partner, TradeNo: b.TradeNo} }

// Arrivals are all requests so far, in order of arrival.
func (g *Gateway) Arrivals() []Arrival {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.arrivals)
}

// Breaches are all broken laws so far.
func (g *Gateway) Breaches() []Breach {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.breaches)
}

// ShipCalls is how many ship calls for a trade have arrived, whatever they were answered.
func (g *Gateway) ShipCalls(tradeNo string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[tradeNo]
}

// Changed is closed at the next event: an arrival, an answer, the end of a request, a change from outside.
func (g *Gateway) Changed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.event
}

// Wait returns nil as soon as done says so, which is asked now and after each event, or ctx's cause.
func (g *Gateway) Wait(ctx context.Context, done func(*Gateway) bool) error {
	for {
		changed := g.Changed() // before the look: nothing can happen unseen in between
		if done(g) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// changed tells everybody who waits. The caller holds mu.
func (g *Gateway) changed() {
	close(g.event)
	g.event = make(chan struct{})
}
