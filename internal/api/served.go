package api

import (
	"context"
	"sync/atomic"
	"time"

	"fahuo/internal/ledger"
)

// served remembers for a moment which accounts workers have announced.
type served struct {
	shared[announced]
	known atomic.Pointer[announced] // what was read last
}

// announced are the accounts that workers have announced.
type announced map[string]bool

// has tells whether a worker has announced an account. Before the first one has, nobody can say.
func (a announced) has(partner string) bool { return len(a) == 0 || a[partner] }

// announcer is the part of the ledger that knows the accounts.
type announcer interface {
	Accounts(ctx context.Context) ([]ledger.Account, error)
}

func newServed(book announcer, r *readings) *served {
	s := &served{shared: shared[announced]{readings: r, limit: readLimit}}
	s.read = func(ctx context.Context) (announced, error) {
		list, err := book.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		all := make(announced)
		for _, account := range list {
			all[account.Partner] = true
		}
		s.known.Store(&all)
		return all, nil
	}
	return s
}

// remembered is how long an account that has just been announced may still be refused.
const remembered = time.Second

// now is which accounts are announced. While the ledger does not answer it is what was known last, if anything was:
// accounts hardly ever change, and taking a shipment in asks the ledger anyway.
func (s *served) now(ctx context.Context) (announced, error) {
	r, err := s.get(ctx, func(r *reading[announced]) bool { return time.Since(r.begun) < remembered })
	switch {
	case err != nil:
		return nil, err
	case r.err == nil:
		return r.value, nil
	}
	if last := s.known.Load(); last != nil {
		return *last, nil
	}
	return nil, r.err
}
