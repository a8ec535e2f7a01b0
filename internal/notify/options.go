package notify

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
)

// Account is a merchant account whose notifications are received.
type Account struct {
	Credentials *alipay.Credentials
	Charset     string   // in which its trades are created, and so its notifications come
	Sellers     []string // other seller_ids whose trades are this account's
}

// Verifier asks Alipay whether a notification is its own. See alipay.Client.VerifyNotification.
type Verifier interface {
	VerifyNotification(ctx context.Context, c *alipay.Credentials, notifyID string) (genuine bool, err error)
}

// Book is the ledger, as far as notifications need it. See there.
type Book interface {
	OnRecord(ctx context.Context, n ledger.Notice) (bool, error)
	Notified(ctx context.Context, n ledger.Notice, decide func(ledger.Row) ledger.Effect, actor string) (ledger.Noticed, error)
}

// Options are what a receiver is made of.
type Options struct {
	Accounts func() []Account // asked for each notification: they may change
	Gateway  Verifier
	Book     func() Book // nil: the ledger is not open yet
	Name     string      // this process, in the history
	Log      zerolog.Logger
	Metrics  prometheus.Registerer // optional

	// Limits; 0 is the default.
	Connections int           // at once; 256
	Head        time.Duration // in which a request's head has to come; 5 s
	Read        time.Duration // in which all of it has to; 10 s
	Verifying   int           // questions to Alipay at once; 16
	VerifyEvery time.Duration // mean distance between two questions of an account; 100 ms, after a burst of ten
	Wait        time.Duration // how long a notification waits for its turn to be asked about; 10 s
}

func (o Options) withDefaults() (Options, error) {
	if o.Accounts == nil || o.Gateway == nil || o.Book == nil || o.Name == "" {
		return o, errors.New("notifications: accounts, gateway, ledger and name are all needed")
	}
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	or(&o.Head, 5*time.Second)
	or(&o.Read, 10*time.Second)
	or(&o.VerifyEvery, 100*time.Millisecond)
	or(&o.Wait, 10*time.Second)
	if o.Connections == 0 {
		o.Connections = 256
	}
	if o.Verifying == 0 {
		o.Verifying = 16
	}
	return o, nil
}
