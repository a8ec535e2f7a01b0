package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// This test binary is also a worker: started with orders in its environment (asWorker), it works as the real
// program does, and at a place that the orders name it kills or stops itself. So the program that people run
// has no place for it.

// asWorker is the environment variable with the orders.
const asWorker = "FAHUO_TEST_WORKER"

// What processes of these tests work with. The fence is 1 s + 1.05 s + 0.5 s.
const (
	pace        = 50 * time.Millisecond
	callTimeout = time.Second
)

// orders are what a test tells a process that it starts.
type orders struct {
	Ledger, Redis, Gateway string
	Name                   string
	WithoutFeeder          bool
	WithoutRescue          bool

	At     worker.Step    // where to strike; empty: nowhere
	N      int64          // the how-manieth time that it comes there
	Signal syscall.Signal // what it sends itself: SIGKILL or SIGSTOP
}

// The places within the exchange of a ship call, as the raw connection sees them. Queries pass them by.
const (
	wireDial      worker.Step = "wire: dial"
	wireConnected worker.Step = "wire: connected"
	wireDeadline  worker.Step = "wire: deadline" // the guard's last act before its last comparison
	wireWrite     worker.Step = "wire: write"    // after that comparison, and the runtime's, just before the kernel's write
	wireWritten   worker.Step = "wire: written"
	wireRead      worker.Step = "wire: read"    // waiting for the answer begins
	wireArrived   worker.Step = "wire: arrived" // bytes of the answer have been read and not been handed up
)

// points are all places to strike at.
func points() []worker.Step {
	return append(worker.Steps(), wireDial, wireConnected, wireDeadline, wireWrite, wireWritten, wireRead, wireArrived)
}

// workerProcess is the main function of a worker process.
func workerProcess(text string) (code int) {
	if err := obey(text); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// obey works until the process is killed or told to stop, then prints its counters.
func obey(text string) (err error) {
	t := &trap{}
	if err := json.Unmarshal([]byte(text), &t.orders); err != nil {
		return err
	}
	// Whoever has started this may have died; it must not run for ever.
	limited, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	ctx, release := signal.NotifyContext(limited, syscall.SIGTERM)
	defer release()
	book, err := ledger.Open(ctx, t.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	belt, err := tasks.Connect(t.Redis, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, belt.Close()) }()
	client, err := alipay.NewClient(alipay.Options{Gateway: t.Gateway, UserTimeout: callTimeout, Dial: t.dial})
	if err != nil {
		return err
	}
	defer client.Close()
	registry := prometheus.NewRegistry()
	creds := credentials()
	w, err := worker.New(worker.Options{
		Accounts: []worker.Account{{Name: "test", Interval: pace, Credentials: &creds}},
		Gateway:  client, Book: book, Belt: belt, CallTimeout: callTimeout,
		Retry: worker.Retry{Base: 50 * time.Millisecond, Cap: time.Second, For: time.Hour},
		Name:  t.Name, Log: zerolog.New(os.Stdout), Metrics: registry, OnStep: t.onStep,
		WithoutFeeder: t.WithoutFeeder, WithoutRescue: t.WithoutRescue,
	})
	if err != nil {
		return err
	}
	w.Start()
	select {
	case <-ctx.Done():
	case err = <-w.Failed():
	}
	return errors.Join(err, w.Stop(context.Background()), printCounters(registry))
}

func credentials() alipay.Credentials {
	return alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey)}
}

// printCounters prints the counters that have no labels.
func printCounters(r *prometheus.Registry) error {
	families, err := r.Gather()
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetCounter() != nil && len(m.GetLabel()) == 0 {
				fmt.Println(f.GetName(), m.GetCounter().GetValue())
			}
		}
	}
	return err
}

// trap strikes at the place that the orders name.
type trap struct {
	orders

	seen    atomic.Int64
	step    atomic.Value // the step passed last
	written atomic.Bool  // the ship call that was begun last
}

func (t *trap) onStep(_ string, s worker.Step) {
	if !slices.Contains(worker.Steps(), s) {
		panic("no such step: " + string(s))
	}
	t.step.Store(s)
	if s == worker.StepWrite {
		t.written.Store(false)
	}
	if (s == worker.StepAnswered || s == worker.StepFinish) && !t.written.Load() {
		return // the ledger was slow for a moment, and nothing was sent: it comes here again
	}
	t.pass(s)
}

// pass is called at every place.
func (t *trap) pass(place worker.Step) {
	if place != t.At || t.seen.Add(1) != t.N {
		return
	}
	fmt.Println(struckAt(place))
	// This thread need not be the one that takes the signal, and must not go on meanwhile.
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	if err := syscall.Kill(os.Getpid(), t.Signal); err != nil {
		panic(err)
	}
	<-goesOn
}

// struckAt is what a process says before it strikes.
func struckAt(place worker.Step) string { return "this is " + string(place) }

// dial makes a connection with places in it.
func (t *trap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	forShip := t.step.Load() == worker.StepConnect // else for a query
	if forShip {
		t.pass(wireDial)
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(errors.New("no TCP connection"), c.Close())
	}
	if forShip {
		t.pass(wireConnected)
	}
	return &wire{TCPConn: tcp, trap: t}, nil
}

// wire is a raw connection with places in it.
type wire struct {
	*net.TCPConn

	trap *trap
	ship atomic.Bool // a ship call has been written on it
}

// SetWriteDeadline implements net.Conn; only the guard calls it.
func (w *wire) SetWriteDeadline(at time.Time) error {
	w.trap.pass(wireDeadline)
	return w.TCPConn.SetWriteDeadline(at)
}

// Write implements net.Conn. A ship call is written by hand, so that the last place is right before the kernel:
// what the runtime itself checks before a write has been checked.
func (w *wire) Write(p []byte) (n int, err error) {
	if !bytes.Contains(p, []byte(alipay.ServiceShip)) {
		return w.TCPConn.Write(p)
	}
	w.ship.Store(true)
	raw, err := w.SyscallConn()
	if err != nil {
		return 0, err
	}
	var writeErr error
	err = raw.Write(func(fd uintptr) bool {
		w.trap.pass(wireWrite)
		n, writeErr = syscall.Write(int(fd), p)
		return !errors.Is(writeErr, syscall.EAGAIN)
	})
	if err = errors.Join(err, writeErr); err == nil {
		w.trap.written.Store(true)
		w.trap.pass(wireWritten)
	}
	return max(n, 0), err
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if !w.ship.Load() {
		return w.TCPConn.Read(p)
	}
	w.trap.pass(wireRead)
	n, err := w.TCPConn.Read(p)
	if n > 0 {
		w.trap.pass(wireArrived)
	}
	return n, err
}
