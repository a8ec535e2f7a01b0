package alipaytest

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"fahuo/internal/alipay"
)

// call is one request on its way through the gateway: it arrives, is read and judged, the trade is
// changed or not, its answer is settled in the record, and then the bytes leave.
type call struct {
	n        int // the arrival's number
	ctx      context.Context
	conn     net.Conn // nil: a server that does not use ConnContext
	req      *request // nil: not read yet
	breaches []Breach
}

// gatewayDo handles a request to the gateway.
func (g *Gateway) gatewayDo(w http.ResponseWriter, r *http.Request) {
	c := g.arrive(r)
	defer g.leave(c)
	if r.Method == http.MethodGet && r.URL.Query().Get("service") == alipay.ServiceNotifyVerify {
		g.confirm(w, r, c)
		return
	}
	req, err := g.readRequest(r)
	if err != nil {
		return
	}
	g.perform(w, r, c, g.consider(c, req))
}

// arrive stamps a request before anything of it is read. The clock is read under the lock, so that the
// order of arrivals is the order of their times.
func (g *Gateway) arrive(r *http.Request) *call {
	c := &call{ctx: r.Context()}
	c.conn, _ = c.ctx.Value(connKey{}).(net.Conn)
	g.mu.Lock()
	defer g.mu.Unlock()
	c.n = len(g.arrivals) + 1
	g.arrivals = append(g.arrivals, Arrival{N: c.n, At: time.Now(), Remote: r.RemoteAddr})
	g.changed()
	return c
}

// consider judges a request by the laws and decides about it, in one step for all requests: two calls for
// one trade cannot both find it unshipped.
func (g *Gateway) consider(c *call, req *request) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.req = req
	a := &g.arrivals[c.n-1]
	a.Service, a.Partner, a.TradeNo = req.service, req.partner, req.tradeNo
	a.AlsoKey = req.alsoKey
	a.Params = maps.Clone(req.params)
	delete(a.Params, "sign")
	delete(a.Params, "sign_type")
	g.judge(c)
	v := g.decide(c)
	a.Fault = v.fault.Kind
	g.changed()
	return v
}

// settle records what a call is about to be answered, and that it is no longer in flight: before the
// bytes leave, so that nobody has an answer that the record does not show.
func (g *Gateway) settle(c *call, said string) {
	gone := !c.alive()
	g.mu.Lock()
	defer g.mu.Unlock()
	a := &g.arrivals[c.n-1]
	a.Answered, a.Answer, a.Gone = time.Now(), said, gone
	if !gone { // what nobody received forbids nothing, and allows nothing
		g.noteRefusal(c, said)
	}
	g.land(c)
	g.changed()
}

// leave ends a call that has been answered, was left without an answer, or never arrived completely.
func (g *Gateway) leave(c *call) {
	gone := !c.alive()
	g.mu.Lock()
	g.land(c)
	if a := &g.arrivals[c.n-1]; a.Answered.IsZero() {
		a.Gone = gone
	}
	g.changed()
	event := Event{Arrival: g.arrivals[c.n-1], Breaches: slices.Clone(c.breaches)}
	g.mu.Unlock()
	if g.options.Log == nil {
		return
	}
	g.logging.Lock()
	defer g.logging.Unlock()
	g.options.Log(event)
}

func (c *call) ship() bool { return c.req.service == alipay.ServiceShip }

// alive says whether the caller still waits for the answer.
func (c *call) alive() bool {
	return c.ctx.Err() == nil && (c.conn == nil || open(c.conn))
}
