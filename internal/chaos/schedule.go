package chaos

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is something that goes wrong.
type Fault string

// The faults. Each strikes a target of its own; two never strike one target at once.
const (
	Kill       Fault = "kill -9"           // a worker, which is started again
	Terminate  Fault = "terminate"         // a worker, by SIGTERM
	Stop       Fault = "stop"              // a worker, by SIGSTOP, then SIGCONT
	LongStop   Fault = "stop for a minute" // the same
	RedisStop  Fault = "redis restart"     // in order
	RedisLoss  Fault = "redis last second" // killed, and comes back without what was written last
	RedisBack  Fault = "redis rolled back" // comes back with an old append-only file
	Failover   Fault = "redis failover"    // to a replica that lags
	FlushAll   Fault = "flushall"          //
	Duplicate  Fault = "tasks duplicated"  // by hand
	Drop       Fault = "tasks dropped"     // by hand, from every list that asynq has
	LedgerStop Fault = "ledger restart"    // PostgreSQL alone
	LedgerFull Fault = "ledger disk full"  // SQLite for a while, PostgreSQL until it is started again
	LedgerSlow Fault = "ledger slow"       // a transaction takes 3 s
	CutRedis   Fault = "redis cut off"     // connections closed, none accepted
	CutLedger  Fault = "ledger cut off"    // PostgreSQL alone
	CutGateway Fault = "gateway cut off"   //
	LagRedis   Fault = "redis far away"    // latency
	LagLedger  Fault = "ledger far away"   // PostgreSQL alone
	LagGateway Fault = "gateway far away"  //
	HalfRedis  Fault = "redis half-open"   // connections stay, nothing passes
	HalfLedger Fault = "ledger half-open"  // PostgreSQL alone
	HalfGate   Fault = "gateway half-open" //
	ResetGate  Fault = "gateway resets us" // connections reset in the middle
)

// Dose is how often a fault strikes and for how long.
type Dose struct {
	Fault     Fault
	PerMinute float64
	Least     time.Duration
	Most      time.Duration
}

// Event is one fault in a schedule.
type Event struct {
	At     time.Duration // since the start
	Fault  Fault
	For    time.Duration
	Choice uint64 // decides what the fault leaves open: which worker, which tasks
}

func (e Event) String() string {
	return fmt.Sprintf("%7.2fs %-18s for %v", e.At.Seconds(), e.Fault, e.For.Round(time.Millisecond))
}

// EveryFault is the mix for one kind of ledger. In 15 minutes it is 315 kills, 65 stops of which 3 take a
// minute, 37 restarts or losses of Redis, 12 FLUSHALLs.
func EveryFault(postgres bool) []Dose {
	const ms, s = time.Millisecond, time.Second
	doses := []Dose{
		{Kill, 21, 0, s},
		{Terminate, 2, 0, s},
		{Stop, 4.2, s, 10 * s},
		{LongStop, 0.2, 60 * s, 60 * s},
		{RedisStop, 0.8, 0, s},
		{RedisLoss, 0.8, 0, 2 * s},
		{RedisBack, 0.5, 0, s},
		{Failover, 0.4, s, 2 * s},
		{FlushAll, 0.8, 0, 0},
		{Duplicate, 4, 0, 0},
		{Drop, 4, 0, 0},
		{LedgerSlow, 0.4, 4 * s, 8 * s},
		{LedgerFull, 0.5, 2 * s, 5 * s},
		{CutRedis, 1, 100 * ms, 3 * s},
		{CutGateway, 1, 100 * ms, 3 * s},
		{LagRedis, 1, 2 * s, 6 * s},
		{LagGateway, 1, 2 * s, 6 * s},
		{HalfRedis, 0.5, s, 5 * s},
		{HalfGate, 0.7, s, 5 * s},
		{ResetGate, 0.7, s, 4 * s},
	}
	if !postgres {
		return doses
	}
	return append(doses, Dose{LedgerStop, 0.6, 0, 2 * s}, Dose{CutLedger, 0.7, 100 * ms, 3 * s}, Dose{LagLedger, 0.5, 2 * s, 5 * s},
		Dose{HalfLedger, 0.5, s, 4 * s})
}

// KillsOnly is the mix for measuring the pace: n kills a minute and nothing else.
func KillsOnly(perMinute float64) []Dose { return []Dose{{Kill, perMinute, 0, time.Second}} }

// Schedule spreads the doses over a time, as the seed says; in the order of time.
func Schedule(seed uint64, span time.Duration, doses []Dose) []Event {
	random := rand.New(rand.NewPCG(seed, 0x63_68_61_6f_73)) //nolint:gosec // repeatable, not secret
	var events []Event
	for _, d := range doses {
		wanted := d.PerMinute * span.Minutes()
		n := int(wanted)
		if random.Float64() < wanted-math.Floor(wanted) {
			n++
		}
		for range n {
			length := d.Least
			if d.Most > d.Least {
				length += time.Duration(random.Int64N(int64(d.Most - d.Least)))
			}
			last := max(span-length, 1)
			events = append(events, Event{At: time.Duration(random.Int64N(int64(last))), Fault: d.Fault, For: length, Choice: random.Uint64()})
		}
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return events
}
