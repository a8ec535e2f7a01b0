package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// ledgers are the kinds of ledger that worker processes must be safe on.
var ledgers = []struct {
	name string
	url  func(t *testing.T) string
}{
	{"sqlite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db") }},
	{"postgres", func(t *testing.T) string { return proctest.Postgres(t) }},
}

// onEveryLedger runs a test for each case on each kind of ledger, several at a time: they spend most of their
// time waiting, and -parallel would let one run for each processor.
func onEveryLedger[C fmt.Stringer](t *testing.T, cases []C, run func(y *yard, c C)) {
	const atOnce = 8
	room := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, l := range ledgers {
		for _, c := range cases {
			room <- struct{}{}
			all.Go(func() {
				defer func() { <-room }()
				t.Run(l.name+" "+c.String(), func(t *testing.T) { run(newYard(t, l.url(t)), c) })
			})
		}
	}
	all.Wait()
}

// yard is what worker processes work in: the simulated gateway, a real Redis, a ledger.
type yard struct {
	t       *testing.T
	gateway *alipaytest.Server
	book    *ledger.Ledger
	belt    *tasks.Belt
	orders  orders          // with the addresses
	wanted  map[string]bool // the trade numbers of all shipments that are to be settled
}

func newYard(t *testing.T, ledgerURL string) *yard {
	t.Helper()
	y := &yard{t: t, wanted: make(map[string]bool), orders: orders{Ledger: ledgerURL, Redis: "redis://" + proctest.Redis(t)}}
	var err error
	y.gateway, err = alipaytest.Start(alipaytest.Options{
		Accounts: []alipaytest.Account{{Credentials: credentials()}}, Interval: pace, AutoTrades: true,
	})
	y.must(err)
	t.Cleanup(func() { y.must(y.gateway.Close()) })
	y.orders.Gateway = y.gateway.URL()
	y.book, err = ledger.Open(t.Context(), ledgerURL)
	y.must(err)
	t.Cleanup(func() { y.must(y.book.Close()) })
	y.belt, err = tasks.Connect(y.orders.Redis, "")
	y.must(err)
	t.Cleanup(func() { y.must(y.belt.Close()) })
	return y
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// start starts a worker process.
func (y *yard) start(name string, adjust ...func(*orders)) *proctest.Process {
	y.t.Helper()
	o := y.orders
	o.Name = name
	for _, f := range adjust {
		f(&o)
	}
	text, err := json.Marshal(o)
	y.must(err)
	program, err := os.Executable()
	y.must(err)
	return proctest.Start(y.t, y.t.TempDir(), []string{asWorker + "=" + string(text)}, program)
}

// stop stops a worker process gently.
func (y *yard) stop(p *proctest.Process) {
	y.t.Helper()
	p.WaitFor(`"working"`) // there may have been nothing left for it to do
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 {
		y.t.Errorf("exit %d", code)
	}
}

// until waits for a condition, which is looked at again at every event of the gateway and now and then:
// ledger and belt are changed by other processes, and may be for a while when many run at once.
func (y *yard) until(what string, done func() bool) {
	y.t.Helper()
	limit := time.NewTimer(untilLast)
	defer limit.Stop()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		changed := y.gateway.Changed()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-limit.C:
			y.t.Fatalf("in vain: %s\n%s", what, y.story())
		}
	}
}

func (y *yard) story() (text string) {
	for _, a := range y.gateway.Arrivals() {
		text += fmt.Sprintf("%3d %s %-32s %s gap %v: %s\n", a.N, a.At.Format("05.000"), a.Service, a.TradeNo, a.Gap, a.Answer)
	}
	for _, r := range y.rows() {
		text += fmt.Sprintf("%s %s %s\n", r.TradeNo, r.State, r.Reason)
		for _, h := range y.history(r) {
			text += fmt.Sprintf("    %s %s %s→%s %s\n", h.At.Format("05.000"), h.Actor, h.From, h.To, h.Detail)
		}
		for _, c := range y.calls(r) {
			text += fmt.Sprintf("    %s %s %s %q late %v %s\n", c.BegunAt.Format("05.000"), c.Worker, c.Service, c.Verdict, c.Late, c.Error)
		}
	}
	return text
}

// The four shipments that every process has to deal with, in this order.
var (
	plain   = parcel(0)
	again   = parcel(1) // answered RETRY at first
	refused = parcel(2) // answered TRADE_STATUS_NOT_AVAILD
	told    = parcel(3) // answered RETRY, and shipped all the same: a query settles it
)

// silent is the name of a worker that is not there: its call has no request, and a fence that is over at once.
const silent = "silent"

// strange is the id of a task that is no shipment, named what it goes by as a dead letter.
const (
	strange = "order-9"
	named   = "task-order-9"
)

// lay lays out the shipments and what else it takes for a process to come to a place.
func (y *yard) lay(place worker.Step) {
	y.t.Helper()
	y.gateway.Inject(
		alipaytest.Fault{TradeNo: again.TradeNo, Kind: alipaytest.BusyRetry},
		alipaytest.Fault{TradeNo: refused.TradeNo, Kind: alipaytest.StatusNotAvailable},
		alipaytest.Fault{TradeNo: told.TradeNo, Kind: alipaytest.BusyRetry, When: alipaytest.After},
	)
	ctx := y.t.Context()
	switch place { //nolint:exhaustive // any other place is on every shipment's way
	case worker.StepAccept, worker.StepTaken:
		y.must(y.belt.Put(ctx, tasks.Item{Shipment: plain, Line: tasks.Main}))
		y.wanted[plain.TradeNo] = true
		y.accept(again, refused, told)
		return
	case worker.StepRefuse:
		client := asynq.NewClientFromRedisClient(y.belt.Redis())
		_, err := client.EnqueueContext(ctx, asynq.NewTask("other:type", []byte("no shipment")),
			asynq.TaskID(strange), asynq.Queue(tasks.Queue(partner, tasks.Main)))
		y.must(err)
		y.wanted[named] = true
	case worker.StepTakeOver, worker.StepTakenOver:
		y.silence()
	case worker.StepLater:
		_, err := y.book.TakeOver(ctx, y.silence(), 15*time.Second, "test", true) // not due until long after the process has come to it
		y.must(err)
	case worker.StepHandBack:
		_, err := y.book.SetHold(ctx, partner, ledger.HoldManual, "so that something is in hand", "test")
		y.must(err)
	}
	y.accept(plain, again, refused, told)
}

// silence makes the plain shipment one whose call has had no answer before its fence, and whose task is there.
func (y *yard) silence() ledger.Row {
	y.t.Helper()
	ctx := y.t.Context()
	y.accept(plain)
	_, err := intake.Deliver(ctx, y.book, y.belt)
	y.must(err)
	y.must(y.book.Announce(ctx, []ledger.Account{{Partner: partner, Interval: pace}}))
	begun, err := y.book.Begin(ctx, y.row(plain), ledger.Attempt{
		Service: alipay.ServiceShip, Worker: silent, Params: "{}", Fence: time.Microsecond,
	})
	y.must(err)
	y.until("past the fence", func() bool {
		now, err := y.book.Now(ctx)
		y.must(err)
		return now.After(begun.FenceAt)
	})
	return begun
}

func (y *yard) accept(shipments ...shipment.Shipment) {
	y.t.Helper()
	_, err := y.book.Accept(y.t.Context(), shipments, ledger.AcceptOptions{})
	y.must(err)
	for _, s := range shipments {
		y.wanted[s.TradeNo] = true
	}
}

// expire lets the leases of every task in hand run out, as if their processes had been gone for so long.
func (y *yard) expire(ago time.Duration) {
	y.t.Helper()
	ctx := context.Background()
	for queue := range tasks.Queues(partner) {
		lease := "asynq:{" + queue + "}:lease"
		ids, err := y.belt.Redis().ZRange(ctx, lease, 0, -1).Result()
		y.must(err)
		for _, id := range ids {
			y.must(y.belt.Redis().ZAddXX(ctx, lease, redis.Z{Score: float64(time.Now().Add(-ago).Unix()), Member: id}).Err())
		}
	}
}

// settled tells whether all is done: every shipment shipped or dead, the belt empty but for the dead letters.
func (y *yard) settled() bool {
	y.t.Helper()
	counts, err := y.book.Counts(context.Background(), ledger.Scope{})
	y.must(err)
	if counts[shipment.Shipped]+counts[shipment.Dead] != int64(len(y.wanted)) || counts[shipment.Queued]+counts[shipment.Calling] != 0 {
		return false
	}
	line, err := y.belt.Snapshot(context.Background(), partner)
	y.must(err)
	return !slices.ContainsFunc(y.rows(), func(r ledger.Row) bool {
		// What only a dead process has is left to asynq, for a minute or two.
		return r.Feed || line.At(r.Key()) == tasks.Present
	})
}

func (y *yard) row(s shipment.Shipment) ledger.Row {
	y.t.Helper()
	r, err := y.book.Get(context.Background(), s.Key())
	y.must(err)
	return r
}

// rows are all rows of the ledger.
func (y *yard) rows() (all []ledger.Row) {
	y.t.Helper()
	for _, state := range shipment.States() {
		rows, err := y.book.OnBelt(context.Background(), partner, state, ledger.Cursor{}, 100)
		y.must(err)
		unfed, err := y.book.Unfed(context.Background(), state, 0, 100)
		y.must(err)
		all = append(append(all, rows...), unfed...)
	}
	return all
}

func (y *yard) history(r ledger.Row) []ledger.Line {
	y.t.Helper()
	lines, err := y.book.History(context.Background(), r.Key())
	y.must(err)
	return lines
}

// calls are the ship calls of a shipment as the ledger has them.
func (y *yard) calls(r ledger.Row) []ledger.Call {
	y.t.Helper()
	calls, err := y.book.Calls(context.Background(), r.Key())
	y.must(err)
	return slices.DeleteFunc(calls, func(c ledger.Call) bool { return c.Service != alipay.ServiceShip })
}
