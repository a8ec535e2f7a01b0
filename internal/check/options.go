package check

import (
	"context"
	"net"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// Options are what is checked, and how far. What is missing because it could not be read is skipped.
type Options struct {
	Fault    error    // everything that is wrong with the configuration; nil: nothing
	Warnings []string // what is most likely a slip in it

	Gateway  string         // its address, for people
	Client   *alipay.Client // nil: the address is wrong
	Resolver *net.Resolver  // of the gateway's name; nil: the system's
	Hosts    string         // the file that has addresses of names, /etc/hosts
	Accounts []worker.Account

	Ledger   string // its address; empty: it is wrong
	Redis    string // its address, or "embedded"; empty: it is wrong
	Embedded string // where the embedded Redis would be
	Host     Host   // this host; nil: skipped

	TradeNo       string             // a trade to look at; empty: none
	Ship          *shipment.Shipment // ship it; nil: do not
	ShipWithin    time.Duration      // how long its slot is waited for
	WaitNotify    time.Duration      // how long the notification is waited for; 0: not
	Notifications Notifications      // nil: those in the ledger

	CallTimeout time.Duration // how long an answer is waited for
	Retry       worker.Retry
	Name        string // this process, in calls and history
	Person      string // who has asked for it, for the history
	Log         zerolog.Logger
}

// Notifications are what Alipay has said by itself: received, verified, and recorded.
type Notifications interface {
	// Shipped tells when a verified notification said that a trade has been shipped; ok is false as long as none has.
	// It may be asked again and again, and by several at once.
	Shipped(ctx context.Context, k shipment.Key) (at time.Time, ok bool, err error)
}

// Host is the machine, as far as a worker depends on it. What it cannot tell is errors.ErrUnsupported.
type Host interface {
	// Free is how many bytes may still be written to the disk that holds a path, by a user without privileges.
	Free(path string) (uint64, error)
	// FileSystem names the kind of file system that holds a path, and tells whether its files may be elsewhere.
	FileSystem(path string) (name string, remote bool, err error)
	// OpenFiles is how many files this process may have open.
	OpenFiles() (uint64, error)
	// Synchronized tells whether the kernel believes that something keeps its clock right.
	Synchronized() (bool, error)
}
