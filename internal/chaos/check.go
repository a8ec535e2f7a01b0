package chaos

import (
	"fmt"
	"slices"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
)

// Law is one of the laws (a) to (g), or that no worker panics or tells the key.
type Law string

// The laws; see the package's comment.
const (
	Once     Law = "(a) once"
	Pace     Law = "(b) pace"
	Settled  Law = "(c) settled"
	Written  Law = "(d) written down"
	NoLoop   Law = "(e) no looping"
	SameDead Law = "(f) dead letters agree"
	Arrows   Law = "(g) arrows"
	Healthy  Law = "healthy"
)

// Violation is one broken law.
type Violation struct {
	Law    Law
	Key    shipment.Key // zero: about an account, or about nothing in particular
	Detail string
}

func (v Violation) String() string { return fmt.Sprintf("%s %s: %s", v.Law, v.Key, v.Detail) }

// checker collects what it finds.
type checker struct {
	*Record
	found []Violation
}

func (c *checker) broken(law Law, k shipment.Key, format string, args ...any) {
	c.found = append(c.found, Violation{Law: law, Key: k, Detail: fmt.Sprintf(format, args...)})
}

// Check applies every law to a record.
func Check(r *Record) []Violation {
	c := &checker{Record: r}
	c.once()
	c.pace()
	c.settled()
	c.written()
	c.noLoop()
	c.sameDead()
	c.arrows()
	return c.found
}

// once: by the gateway's own word, and by the order of its record.
func (c *checker) once() {
	shipped := make(map[shipment.Key]int)
	for _, a := range c.Arrivals {
		if !a.Ship() {
			continue
		}
		if n := shipped[a.Key()]; n > 0 || a.Repeat {
			c.broken(Once, a.Key(), "arrival %d, and arrival %d had shipped it", a.N, n)
		}
		if a.Applied {
			shipped[a.Key()] = a.N
		}
	}
}

func (c *checker) pace() {
	last := make(map[string]alipaytest.Arrival)
	for _, a := range c.Arrivals {
		if !a.Ship() {
			continue
		}
		if before, ok := last[a.Partner]; ok && a.At.Sub(before.At) < c.Interval {
			c.broken(Pace, a.Key(), "arrival %d came %v after arrival %d, the interval is %v", a.N, a.At.Sub(before.At), before.N, c.Interval)
		}
		last[a.Partner] = a
	}
	for _, b := range c.Breaches {
		switch b.Law {
		case alipaytest.InFlight:
			for _, n := range b.With {
				// A worker that was stopped does not hang up, and the gateway may think as long as it likes: after
				// the fence the call is over.
				if other := c.Arrivals[n-1]; b.At.Sub(other.At) < ratelimit.Fence(0, c.CallTimeout, c.Interval) {
					c.broken(Pace, b.Key(), "arrival %d, while arrival %d for %s was in flight", b.N, n, other.TradeNo)
				}
			}
		case alipaytest.BadRequest:
			c.broken(Healthy, b.Key(), "arrival %d: a bad request: %s", b.N, b.Detail)
		case alipaytest.Gap, alipaytest.AlreadyShipped, alipaytest.AfterRefusal: // looked at by ourselves
		}
	}
}

// Story is everything that is known of a shipment, in the order of time.
func (r *Record) Story(k shipment.Key) string {
	type event struct {
		at   time.Time
		text string
	}
	var events []event
	for _, a := range r.Arrivals {
		if a.Key() == k {
			events = append(events, event{a.At.Round(0), fmt.Sprintf("gateway: arrival %d %s fault %q answer %q applied %v repeat %v gone %v answered %v",
				a.N, a.Service, a.Fault, a.Answer, a.Applied, a.Repeat, a.Gone, a.Answered.Sub(a.At))})
		}
	}
	for _, call := range r.Calls[k] {
		events = append(events, event{call.BegunAt, fmt.Sprintf("ledger: call %d %s begun by %s, fence %v", call.ID, call.Service, call.Worker, call.FenceAt.Sub(call.BegunAt))})
		if !call.FinishedAt.IsZero() {
			events = append(events, event{call.FinishedAt, fmt.Sprintf("ledger: call %d finished: %s %s %s verified %v late %v: %s",
				call.ID, call.Verdict, call.Code, call.TradeStatus, call.Verified, call.Late, call.Error)})
		}
	}
	for _, line := range r.History[k] {
		events = append(events, event{line.At, fmt.Sprintf("history: %s → %s version %d by %s: %s", line.From, line.To, line.Version, line.Actor, line.Detail)})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	text := ""
	for _, e := range events {
		text += e.at.Format("15:04:05.000000 ") + e.text + "\n"
	}
	return text
}

func (c *checker) settled() {
	for _, k := range c.Accepted {
		row, ok := c.Rows[k]
		switch {
		case !ok:
			c.broken(Settled, k, "accepted, and not in the ledger")
		case row.State == shipment.Queued || row.State == shipment.Calling:
			c.broken(Settled, k, "still %s: %+v", row.State, row)
		}
	}
	// What the ledger calls shipped must be shipped. The other way round it may be a dead letter: nobody could say.
	shipped := make(map[shipment.Key]bool)
	for _, a := range c.Arrivals {
		shipped[a.Key()] = shipped[a.Key()] || a.Applied
	}
	for k, row := range c.Rows {
		if row.State == shipment.Shipped && !shipped[k] {
			c.broken(Settled, k, "shipped in the ledger, not at the gateway")
		}
	}
}

func shipCalls(calls []ledger.Call) (ships []ledger.Call) {
	for _, call := range calls {
		if call.Service == alipay.ServiceShip {
			ships = append(ships, call)
		}
	}
	return ships
}

// written: every ship call that the gateway saw has a row of its own in the ledger, begun before it arrived. A
// query is written down once it is over, so that of a process which dies before has no row, and none is asked for.
func (c *checker) written() {
	seen := make(map[shipment.Key][]alipaytest.Arrival)
	for _, a := range c.Arrivals {
		if a.Ship() {
			seen[a.Key()] = append(seen[a.Key()], a)
		}
	}
	for k, arrivals := range seen {
		calls := shipCalls(c.Calls[k])
		for i, a := range arrivals {
			at := a.At.Round(0) // by the wall clock, as the ledger's
			n, _ := slices.BinarySearchFunc(calls, at, func(call ledger.Call, t time.Time) int { return call.BegunAt.Compare(t) })
			switch {
			case n == 0:
				c.broken(Written, k, "arrival %d at %v was never begun", a.N, at)
			case calls[n-1].Verdict == ledger.VerdictNotSent:
				c.broken(Written, k, "arrival %d is said not to have been sent", a.N)
			case i > 0 && !arrivals[i-1].At.Round(0).Before(calls[n-1].BegunAt):
				c.broken(Written, k, "arrivals %d and %d have one row in the ledger", arrivals[i-1].N, a.N)
			}
		}
	}
}

// noLoop: asynq has given nothing up, and after a final refusal that was recorded no call is begun unless a
// person has sent the shipment again.
func (c *checker) noLoop() {
	if c.Archived > 0 {
		c.broken(NoLoop, shipment.Key{}, "asynq has given up %d tasks", c.Archived)
	}
	for k, calls := range c.Calls {
		ships := shipCalls(calls)
		for i, call := range ships {
			if call.FinishedAt.IsZero() || !refused(call) {
				continue
			}
			for _, later := range ships[i+1:] {
				if later.BegunAt.After(call.FinishedAt) && !c.sentAgain(k, call.FinishedAt, later.BegunAt) {
					c.broken(NoLoop, k, "call %d was begun after the refusal of call %d had been recorded", later.ID, call.ID)
				}
			}
		}
	}
}

// refused tells whether Alipay has refused the shipment itself, for good.
func refused(call ledger.Call) bool {
	return call.Verdict == alipay.OutOfStep.String() || call.Verdict == alipay.ShipmentFault.String()
}

// sentAgain tells whether somebody who is no worker brought a shipment back within a time.
func (c *checker) sentAgain(k shipment.Key, from, to time.Time) bool {
	return slices.ContainsFunc(c.History[k], func(line ledger.Line) bool {
		back := (line.From == shipment.Dead || line.From == shipment.Closed) && line.To == shipment.Queued
		return back && !line.At.Before(from) && !line.At.After(to) && !c.isWorker(line.Actor)
	})
}

// isWorker tells whether calls were made under a name.
func (c *checker) isWorker(name string) bool {
	for _, calls := range c.Calls {
		if slices.ContainsFunc(calls, func(call ledger.Call) bool { return call.Worker == name }) {
			return true
		}
	}
	return false
}

func (c *checker) sameDead() {
	for k, row := range c.Rows {
		if _, queued := c.DeadTasks[k]; queued != (row.State == shipment.Dead) {
			c.broken(SameDead, k, "%s in the ledger, in the dead-letter queue: %v", row.State, queued)
		}
	}
	for k, d := range c.DeadTasks {
		row, ok := c.Rows[k]
		if !ok || row.Reason != d.Reason {
			c.broken(SameDead, k, "%q in the ledger, %q in the queue", row.Reason, d.Reason)
		}
	}
}

// arrows: the history is one walk from queued to where the row stands, along the arrows, and versions only
// rise.
func (c *checker) arrows() {
	for k, lines := range c.History {
		state, version := shipment.Queued, int64(0)
		for _, line := range lines {
			switch {
			case line.To == "":
				continue // a remark
			case line.From == "" && line.To == shipment.Dead && version == 0: // the first: it came dead out of the queue
			case line.From != state:
				c.broken(Arrows, k, "the history goes on from %s where it stood at %s", line.From, state)
			case line.From != line.To && !line.From.CanBecome(line.To):
				c.broken(Arrows, k, "from %s to %s there is no arrow", line.From, line.To)
			case line.Version <= version:
				c.broken(Arrows, k, "version %d after version %d", line.Version, version)
			}
			state, version = line.To, line.Version
		}
		if row := c.Rows[k]; row.State != state {
			c.broken(Arrows, k, "the history ends at %s, the row is %s", state, row.State)
		}
	}
}
