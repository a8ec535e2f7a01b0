package alipaytest

import (
	"errors"
	"fmt"
	"time"

	"fahuo/internal/alipay"
)

// Fault is one way in which the gateway misbehaves, and towards whom. It meets the first requests that
// fit; of several that fit, the one injected first is used.
type Fault struct {
	Service string        `yaml:"service"`  // "ship", the default, or "query"
	Partner string        `yaml:"partner"`  // empty: any
	TradeNo string        `yaml:"trade_no"` // empty: any
	Kind    FaultKind     `yaml:"kind"`
	Code    string        `yaml:"code"`   // the code of ErrorCode and LowerCase; the status of ServerError, default 502
	When    Face          `yaml:"when"`   // Before, the default, or After the trade was shipped
	Delay   time.Duration `yaml:"delay"`  // waited before anything is answered; SlowAnswer, Trickle, LateShip: 2s if 0
	Times   int           `yaml:"times"`  // how often; 0: once; -1: always
	Chance  float64       `yaml:"chance"` // of meeting a request that fits; 0 and 1: certain, else by the seed
}

// Face is the side of a fault that a client cannot see: whether the trade was shipped all the same.
type Face int

// The two faces. What a query is answered does not depend on them.
const (
	Before Face = iota // the gateway failed and the trade was not shipped
	After              // the gateway shipped the trade and then failed
)

// String is "before" or "after".
func (f Face) String() string {
	if f == After {
		return "after"
	}
	return "before"
}

// MarshalText is String.
func (f Face) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads "before", "after" or nothing, which is before.
func (f *Face) UnmarshalText(text []byte) error {
	switch string(text) {
	case "", "before":
		*f = Before
	case "after":
		*f = After
	default:
		return fmt.Errorf("when: %q is neither before nor after", text)
	}
	return nil
}

// slowDelay is the delay of the kinds that are nothing but a delay.
const slowDelay = 2 * time.Second

// normal is the fault with its defaults filled in, or what is wrong with it.
func (f Fault) normal() (Fault, error) {
	switch f.Service {
	case "", "ship", alipay.ServiceShip:
		f.Service = alipay.ServiceShip
	case "query", alipay.ServiceQuery:
		f.Service = alipay.ServiceQuery
	default:
		return f, fmt.Errorf("fault: service %q is neither ship nor query", f.Service)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	if f.Chance == 0 {
		f.Chance = 1
	}
	if f.Delay == 0 && (f.Kind == SlowAnswer || f.Kind == Trickle || f.Kind == LateShip) {
		f.Delay = slowDelay
	}
	return f, f.check()
}

func (f Fault) check() error {
	switch {
	case f.Kind <= NoFault || f.Kind >= lastKind:
		return errors.New("fault: kind is missing")
	case f.Kind == ErrorCode && f.Code == "":
		return errors.New("fault: kind code needs code, the error code to answer")
	case f.Kind == ServerError && f.Code != "" && f.status() < 400:
		return fmt.Errorf("fault: code %q of kind http_error is not an HTTP status from 400 to 599", f.Code)
	case f.Delay < 0:
		return fmt.Errorf("fault: delay %v is below 0", f.Delay)
	case f.Times < -1:
		return fmt.Errorf("fault: times %d is below -1", f.Times)
	case f.Chance < 0 || f.Chance > 1:
		return fmt.Errorf("fault: chance %v is not from 0 to 1", f.Chance)
	}
	return nil
}

// Validate says what is wrong with a fault, naming the field.
func (f Fault) Validate() error {
	_, err := f.normal()
	return err
}

// fits says whether the fault is meant for a request.
func (f Fault) fits(req *request) bool {
	return f.Service == req.service && (f.Partner == "" || f.Partner == req.partner) && (f.TradeNo == "" || f.TradeNo == req.tradeNo)
}

// Inject adds faults. It panics on one that Validate refuses: a test with it would prove nothing.
func (g *Gateway) Inject(faults ...Fault) {
	if err := g.inject(faults); err != nil {
		panic("alipaytest: " + err.Error())
	}
}

// inject adds all faults or none.
func (g *Gateway) inject(faults []Fault) error {
	all := make([]Fault, 0, len(faults))
	for _, f := range faults {
		f, err := f.normal()
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, all...)
	return nil
}

// ClearFaults forgets every fault that has not been met.
func (g *Gateway) ClearFaults() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = nil
}

// take is the fault that meets a request, NoFault if none does. The caller holds mu.
func (g *Gateway) take(req *request) Fault {
	for i := range g.faults {
		f := &g.faults[i]
		if f.Times == 0 || !f.fits(req) || (f.Chance < 1 && g.random.Float64() >= f.Chance) {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f
	}
	return Fault{}
}
