package worker

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// Account is one merchant account that the worker ships for.
type Account struct {
	Name        string        // shown to people
	Interval    time.Duration // smallest distance between two ship calls, from the anchor of one to the next (U2)
	NoPreflight bool          // do not query before a first attempt
	Credentials *alipay.Credentials
}

// Options are what a worker is made of. The worker closes none of what it is handed.
type Options struct {
	Accounts    []Account
	Gateway     *alipay.Client
	Book        *ledger.Ledger
	Belt        *tasks.Belt
	CallTimeout time.Duration // TO: how long an answer is waited for
	Retry       Retry
	Name        string // this process, in calls and history
	Log         zerolog.Logger
	OnEvent     func(Event)           // optional; called in order per account, must not block
	Metrics     prometheus.Registerer // optional

	// For tests: the handler alone, and where it is.
	WithoutFeeder bool
	WithoutRescue bool
	OnStep        func(partner string, step Step)
}

func (o Options) validate() error {
	err := o.validateLanes()
	if o.Belt == nil {
		err = errors.Join(err, errors.New("the belt is needed"))
	}
	return err
}

// validateLanes checks what a lane needs; the belt is not among it.
func (o Options) validateLanes() error {
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	need(len(o.Accounts) > 0, "no account to work for")
	need(o.Gateway != nil && o.Book != nil, "gateway and ledger are needed")
	need(o.CallTimeout > 0, "call timeout %v: must be above 0", o.CallTimeout)
	need(o.Retry.Base > 0, "retry base %v: must be above 0", o.Retry.Base)
	need(o.Retry.Cap >= o.Retry.Base, "retry cap %v: must not be below the retry base %v", o.Retry.Cap, o.Retry.Base)
	need(o.Retry.For > 0, "retry budget %v: must be above 0", o.Retry.For)
	need(o.Name != "", "the worker needs a name")
	seen := make(map[string]bool)
	for _, a := range o.Accounts {
		if a.Credentials == nil {
			faults = append(faults, errors.New("an account without credentials"))
			continue
		}
		partner := a.Credentials.Partner
		need(!seen[partner], "account %s stands twice", partner)
		seen[partner] = true
		need(a.Interval > 0, "account %s: interval %v: must be above 0", partner, a.Interval)
		faults = append(faults, shipment.CheckPartner(partner), a.Credentials.Validate())
	}
	return errors.Join(faults...)
}
