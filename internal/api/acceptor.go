package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// taker is the part of the ledger that takes shipments in: each that it answers Accepted is durable, and handing over
// again is harmless. An error may mean either.
type taker interface {
	Accept(ctx context.Context, shipments []shipment.Shipment, o ledger.AcceptOptions) ([]ledger.Acceptance, error)
}

// acceptor puts what several requests hand over at the same moment into one transaction: on a disk that takes some
// milliseconds to be sure, a thousand small requests a second could not be served otherwise.
type acceptor struct {
	book  taker
	queue chan *handOver
	done  chan struct{}

	mu      sync.RWMutex // held for reading while something is put into the queue
	stopped bool
}

// handOver is what one request hands over, and where the answer goes.
type handOver struct {
	shipments []shipment.Shipment
	options   ledger.AcceptOptions
	answered  chan struct{}
	answers   []ledger.Acceptance
	err       error
}

const (
	// together is how many shipments one transaction takes at most, unless a single request has more.
	together = MaxItems
	// acceptLimit bounds a transaction: a client is not kept longer than a proxy in between would keep it.
	acceptLimit = 25 * time.Second
	// waiting is how many requests may wait for their transaction.
	waiting = 1024
)

var errStopping = errors.New("the API is being stopped")

func newAcceptor(book taker) *acceptor {
	a := &acceptor{book: book, queue: make(chan *handOver, waiting), done: make(chan struct{})}
	go a.run()
	return a
}

// stop ends the acceptor once what waits has been answered.
func (a *acceptor) stop() {
	a.mu.Lock()
	if !a.stopped {
		a.stopped = true
		close(a.queue)
	}
	a.mu.Unlock()
	<-a.done
}

// accept hands shipments to the ledger and waits for its answer. A client that has gone does not wait, and what it has
// handed over may be accepted all the same, as after any lost answer.
func (a *acceptor) accept(ctx context.Context, shipments []shipment.Shipment, o ledger.AcceptOptions) ([]ledger.Acceptance, error) {
	h := &handOver{shipments: shipments, options: o, answered: make(chan struct{})}
	if err := a.put(ctx, h); err != nil {
		return nil, err
	}
	select {
	case <-h.answered:
		return h.answers, h.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *acceptor) put(ctx context.Context, h *handOver) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.stopped {
		return errStopping
	}
	select {
	case a.queue <- h:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *acceptor) run() {
	defer close(a.done)
	var next *handOver
	for {
		first := next
		if first == nil {
			var more bool
			if first, more = <-a.queue; !more {
				return
			}
		}
		var all []*handOver
		all, next = a.gather(first)
		if err := a.take(all); errors.Is(err, context.DeadlineExceeded) {
			a.refuse(next, err)
			next = nil
		}
	}
}

// refuse answers what waits as what was before it: a ledger that has not answered in all that time would keep one after
// the other as long again, and clients do not wait for hours.
func (a *acceptor) refuse(next *handOver, err error) {
	for h := next; ; {
		if h != nil {
			h.err = err
			close(h.answered)
		}
		select {
		case h = <-a.queue: // nil once it is closed and empty
			if h == nil {
				return
			}
		default:
			return
		}
	}
}

// gather takes what waits already, as far as it fits into one transaction. next is the first that does not.
func (a *acceptor) gather(first *handOver) (all []*handOver, next *handOver) {
	all = append(all, first)
	for n := len(first.shipments); ; {
		select {
		case h, more := <-a.queue:
			if !more {
				return all, nil
			}
			if n += len(h.shipments); n > together || h.options != first.options {
				return all, h
			}
			all = append(all, h)
		default:
			return all, nil
		}
	}
}

// take runs one transaction. Nobody's context cuts it off: whether it was committed would be unknown to the others.
func (a *acceptor) take(all []*handOver) error {
	ctx, cancel := context.WithTimeout(context.Background(), acceptLimit)
	defer cancel()
	var shipments []shipment.Shipment
	for _, h := range all {
		shipments = append(shipments, h.shipments...)
	}
	answers, err := a.book.Accept(ctx, shipments, all[0].options)
	for _, h := range all {
		if h.err = err; err == nil {
			h.answers, answers = answers[:len(h.shipments)], answers[len(h.shipments):]
		}
		close(h.answered)
	}
	return err
}
