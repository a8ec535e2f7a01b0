package main

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"fahuo/internal/ledger"
	"fahuo/internal/notify"
)

// inbox is where notifications come in. It listens from the start, so that a wrong address is told of at once, and
// answers that it cannot yet until the ledger is open.
type inbox struct {
	book     atomic.Pointer[ledger.Ledger]
	accounts atomic.Pointer[[]notify.Account]
	server   *notify.Server // nil: off
}

// receive listens for notifications, if that is wanted.
func (v service) receive(ctx context.Context, registry prometheus.Registerer) (*inbox, error) {
	in := &inbox{}
	in.serve(v.notified)
	if v.notifyListen == "off" || v.notifyListen == "" {
		return in, nil
	}
	receiver, err := notify.New(notify.Options{
		Accounts: func() []notify.Account { return *in.accounts.Load() }, Gateway: v.client, Name: processName(), Log: v.log, Metrics: registry,
		Book: func() notify.Book {
			if book := in.book.Load(); book != nil {
				return book
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	in.server, err = receiver.Listen(ctx, v.notifyListen)
	return in, err
}

// serve receives for these accounts from now on.
func (in *inbox) serve(accounts []notify.Account) { in.accounts.Store(&accounts) }

// open lets notifications be recorded.
func (in *inbox) open(book *ledger.Ledger) { in.book.Store(book) }

// close takes no more of them. It may be called again.
func (in *inbox) close() error {
	if in.server == nil {
		return nil
	}
	return in.server.Stop()
}
