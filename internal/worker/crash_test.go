package worker_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// crash is a place at which a process is killed, and the how-manieth time that it comes there.
type crash struct {
	at worker.Step
	n  int64
}

func (c crash) String() string { return fmt.Sprintf("%s %d", c.at, c.n) }

// crashes are every place, and those again to which the shipments after the first bring something new: one
// that is to be retried, one that is refused, one that was shipped and told otherwise, the query for evidence.
func crashes() (all []crash) {
	for _, at := range points() {
		all = append(all, crash{at, 1})
	}
	for _, at := range []worker.Step{worker.StepFinished, worker.StepPut, worker.StepFed, worker.StepDone} {
		all = append(all, crash{at, 2}, crash{at, 3})
	}
	return append(all, crash{worker.StepQuery, 4}, crash{worker.StepQueried, 4}, crash{worker.StepRecorded, 4})
}

// A process is killed at every place in turn; another one goes on, and in the end everything is as promised.
func TestCrashPoints(t *testing.T) {
	onEveryLedger(t, crashes(), func(y *yard, c crash) {
		y.lay(c.at)
		if code := y.strike("first", c.at, c.n, syscall.SIGKILL).Exit(); code != -1 {
			y.t.Errorf("not killed: exit %d", code)
		}
		y.goOn(c.at)
		second := y.start("second")
		y.until("all settled", y.settled)
		y.stop(second)
		y.audit()
		y.lawful()
	})
}

// strike starts a process that sends itself a signal at a place, and waits until it is there.
func (y *yard) strike(name string, at worker.Step, n int64, s syscall.Signal) *proctest.Process {
	y.t.Helper()
	p := y.start(name, func(o *orders) {
		o.At, o.N, o.Signal = at, n, s
		// One that is stopped must have nothing else under way: a transaction of SQLite that stands open in it
		// keeps everybody from the ledger.
		o.WithoutFeeder = s == syscall.SIGSTOP
		// Rescue would be faster than the handler.
		o.WithoutRescue = o.WithoutFeeder || at == worker.StepTakeOver || at == worker.StepTakenOver
	})
	if at == worker.StepHandBack {
		p.WaitFor("on hold") // with a task in hand
		p.Signal(syscall.SIGTERM)
	}
	p.WaitFor(struckAt(at))
	if s == syscall.SIGSTOP {
		p.WaitStopped() // it says so before it is
	}
	return p
}

// goOn makes the world one in which another process can go on.
func (y *yard) goOn(at worker.Step) {
	y.t.Helper()
	ago := 2 * time.Second
	if at == worker.StepAccept || at == worker.StepRefuse {
		ago = 2 * time.Minute // only asynq brings back what the ledger has never seen
	}
	y.expire(ago)
	if at == worker.StepHandBack {
		_, err := y.book.Release(context.Background(), partner, "", "test")
		y.must(err)
	}
}

// lawful fails the test if the gateway has seen a law broken.
func (y *yard) lawful() {
	y.t.Helper()
	for _, b := range y.gateway.Breaches() {
		y.t.Errorf("law broken: %+v", b)
	}
	for _, a := range y.gateway.Arrivals() {
		if a.Repeat {
			y.t.Errorf("called again: %+v", a)
		}
	}
}

// audit compares the ledger, the belt and the gateway's record once all is settled.
func (y *yard) audit() {
	y.t.Helper()
	var dead []string
	for _, r := range y.rows() {
		if r.State == shipment.Dead {
			dead = append(dead, r.Key().String())
		}
		y.auditEnd(r)
		y.auditHistory(r)
		y.auditCalls(r)
		y.auditFences(r)
	}
	inspector := asynq.NewInspectorFromRedisClient(y.belt.Redis())
	letters, err := inspector.ListPendingTasks(tasks.QueueDead)
	y.must(err)
	var queued []string
	for _, l := range letters {
		queued = append(queued, l.ID)
	}
	slices.Sort(dead)
	slices.Sort(queued)
	if !slices.Equal(dead, queued) {
		y.t.Errorf("dead in the ledger: %v, in the queue: %v", dead, queued)
	}
	if n, err := y.belt.Archived(context.Background(), []string{partner}); err != nil || n != 0 {
		y.t.Errorf("asynq has archived %d tasks (%v)", n, err)
	}
	if y.t.Failed() {
		y.t.Log(y.story())
	}
}

// auditEnd checks that a shipment has ended as it had to.
func (y *yard) auditEnd(r ledger.Row) {
	y.t.Helper()
	wantState, wantReason := shipment.Shipped, shipment.Reason("")
	switch r.TradeNo {
	case refused.TradeNo:
		wantState, wantReason = shipment.Dead, shipment.ReasonTradeStatusNotAvailable
	case named:
		wantState, wantReason = shipment.Dead, shipment.ReasonBadPayload
	}
	if !y.wanted[r.TradeNo] || r.State != wantState || r.Reason != wantReason {
		y.t.Errorf("%s ended as %s %s, want %s %s", r.TradeNo, r.State, r.Reason, wantState, wantReason)
	}
	trade, _ := y.gateway.Trade(r.TradeNo)
	if shipped := alipay.StateOf(trade.Status) == alipay.AlreadyShipped; shipped != (r.State == shipment.Shipped) {
		y.t.Errorf("%s is %s in the ledger and %q at the gateway", r.TradeNo, r.State, trade.Status)
	}
}

// auditHistory checks that a shipment has moved along allowed arrows alone, from the first to the last, and
// has died once at most.
func (y *yard) auditHistory(r ledger.Row) {
	y.t.Helper()
	at, deaths := shipment.Queued, 0
	for _, h := range y.history(r) {
		if h.To == "" {
			continue // a remark
		}
		if h.To == shipment.Dead {
			deaths++
		}
		if h.From == "" {
			at = h.To // it came into the world like that
			continue
		}
		if h.From != at || (h.From != h.To && !h.From.CanBecome(h.To)) {
			y.t.Errorf("%s: from %s to %s, after it was %s", r.TradeNo, h.From, h.To, at)
		}
		at = h.To
	}
	if at != r.State || deaths > 1 {
		y.t.Errorf("%s is %s, its history says %s; it died %d times", r.TradeNo, r.State, at, deaths)
	}
}

// auditCalls checks that every call which the gateway saw was begun in the ledger before, each in a row of
// its own, and that no attempt was forgotten.
func (y *yard) auditCalls(r ledger.Row) {
	y.t.Helper()
	calls := y.calls(r)
	if int64(len(calls)) != r.Attempt {
		y.t.Errorf("%s: %d calls recorded, %d attempts counted", r.TradeNo, len(calls), r.Attempt)
	}
	var maybe int64 // sent, as far as the ledger knows
	for _, c := range calls {
		if c.Verdict != ledger.VerdictNotSent {
			maybe++
		}
	}
	if maybe != r.SentAttempts {
		y.t.Errorf("%s: %d calls may have been sent, %d are counted", r.TradeNo, maybe, r.SentAttempts)
	}
	evidence := 0
	for _, a := range y.gateway.Arrivals() {
		switch {
		case a.TradeNo != r.TradeNo:
		case a.Ship():
			evidence = 0
			i := slices.IndexFunc(calls, func(c ledger.Call) bool { return c.Verdict != ledger.VerdictNotSent && !c.BegunAt.After(a.At) })
			if i < 0 {
				y.t.Errorf("%s: arrival %d was not begun in the ledger", r.TradeNo, a.N)
				continue
			}
			calls = slices.Delete(calls, i, i+1)
		default:
			evidence++
		}
	}
	if r.Barred && evidence > 1 {
		y.t.Errorf("%s: %d queries after it was refused for good", r.TradeNo, evidence)
	}
}

// auditFences checks that before the fence of a call without an answer nobody has taken it over, since its
// request may still be written and a query tells nothing, and nobody has made another call.
func (y *yard) auditFences(r ledger.Row) {
	y.t.Helper()
	const fence = 2550 * time.Millisecond
	for _, c := range y.calls(r) {
		if c.Worker == silent || (!c.FinishedAt.IsZero() && !c.Late) {
			continue
		}
		for _, h := range y.history(r) {
			after := h.At.Sub(c.BegunAt)
			if h.From == shipment.Calling && h.Actor != c.Worker && after > 0 && after < fence {
				y.t.Errorf("%s: taken over %v after the call was begun", r.TradeNo, after)
			}
		}
		for _, a := range y.gateway.Arrivals() {
			after := a.At.Sub(c.BegunAt)
			if a.Ship() && a.TradeNo != r.TradeNo && after > 0 && after < fence {
				y.t.Errorf("%s: called %v after a call for %s was begun", a.TradeNo, after, r.TradeNo)
			}
		}
	}
}
