package worker_test

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/worker"
)

// zombie is a place at which a process is stopped, and what becomes of the call that it had begun when it goes
// on after another process has settled the shipment.
type zombie struct {
	at      worker.Step
	verdict string // of that call in the ledger, where it stands as late; empty: none was begun, or it was finished
	calls   int    // how many calls for the shipment the gateway has seen in the end
}

func (z zombie) String() string { return string(z.at) }

// zombies are every place.
func zombies() (all []zombie) {
	for _, at := range points() {
		z := zombie{at: at, calls: 1}
		switch at { //nolint:exhaustive // nothing was begun, or all was finished
		case worker.StepWrite, wireDeadline:
			z.verdict = ledger.VerdictNotSent
		case wireWrite: // the place that no program can guard: docs/guarantees.md, what remains
			z.verdict, z.calls = "succeeded", 2
		case wireRead:
			z.verdict = "any" // the time for the answer is over, unless the runtime notices only after it has read
		case wireWritten, wireArrived, worker.StepAnswered, worker.StepFinish:
			z.verdict = "succeeded"
		}
		all = append(all, z)
	}
	return all
}

// A process is stopped at every place in turn, for longer than the fence; another one settles what it had in
// hand and goes on. Then the first one wakes: it must not send, what it has learnt must do no harm, and it
// must go on working.
func TestZombies(t *testing.T) {
	onEveryLedger(t, zombies(), func(y *yard, z zombie) {
		y.lay(z.at)
		_, err := intake.Deliver(y.t.Context(), y.book, y.belt) // the first one has no feeder
		y.must(err)
		first := y.strike("first", z.at, 1, syscall.SIGSTOP)
		y.goOn(z.at)
		y.accept(parcel(10))
		second := y.start("second")
		y.until("all settled", y.settled)
		y.stop(second)
		y.until("the slot open", y.open) // what is sent now is too much, and not too early besides
		y.wake(first, z.at)
		y.audit()
		y.auditZombie(z, first)
	})
}

// open tells whether a call of the account may be begun now.
func (y *yard) open() bool {
	y.t.Helper()
	a, err := y.book.Account(context.Background(), partner)
	y.must(err)
	return !a.OpenAt.After(a.Now)
}

// wake lets a process go on that was stopped, and checks that it deals with the next shipment, which is
// waiting already: whatever it still sends of the old one would be too close to that. Then it is stopped.
func (y *yard) wake(p *proctest.Process, at worker.Step) {
	y.t.Helper()
	if at == worker.StepHandBack {
		p.Signal(syscall.SIGCONT) // and it ends, as it was about to; as one that gave up waiting, if it was stopped for so long
		if code := p.Exit(); code != 0 && !strings.Contains(p.Output(), "not stopped after") {
			y.t.Errorf("exit %d", code)
		}
		return
	}
	next := parcel(11)
	y.accept(next)
	_, err := intake.Deliver(y.t.Context(), y.book, y.belt)
	y.must(err)
	p.Signal(syscall.SIGCONT)
	y.until("the next one settled", y.settled)
	calls := slices.DeleteFunc(y.calls(y.row(next)), func(c ledger.Call) bool { return c.Verdict == ledger.VerdictNotSent }) // as in shipCalls
	if len(calls) != 1 || calls[0].Worker != "first" {
		y.t.Errorf("not called by the one who woke: %+v", calls)
	}
	y.stop(p)
}

// auditZombie checks what a process that was stopped has left behind.
func (y *yard) auditZombie(z zombie, p *proctest.Process) {
	y.t.Helper()
	row := y.row(plain)
	var late []ledger.Call
	for _, c := range y.calls(row) {
		if c.Late {
			late = append(late, c)
		}
	}
	switch {
	case z.verdict == "":
		if len(late) != 0 {
			y.t.Errorf("late without a call: %+v", late)
		}
	case len(late) != 1 || late[0].Worker != "first" || (late[0].Verdict != z.verdict && z.verdict != "any"):
		y.t.Errorf("late calls %+v, want one with verdict %s", late, z.verdict)
	}
	if n := y.gateway.ShipCalls(plain.TradeNo); n != z.calls || row.SentAttempts < int64(n) {
		y.t.Errorf("%d calls, want %d; the ledger counts %d", n, z.calls, row.SentAttempts)
	}
	if z.at == wireWrite {
		y.auditLateWrite(p)
		return
	}
	y.lawful()
	want := "0"
	if z.at == wireWritten {
		want = "1" // stopped right after the kernel's write: it looks like one that came late
	}
	if n := counter(p, "fahuo_late_writes_total"); n != want {
		y.t.Errorf("%s late writes were counted, want %s", n, want)
	}
}

// auditLateWrite checks that a write which nobody could prevent was noticed, and did what docs/guarantees.md
// says: one call too many for a trade that is shipped, which ships nothing twice, and no other law broken.
func (y *yard) auditLateWrite(p *proctest.Process) {
	y.t.Helper()
	if n := counter(p, "fahuo_late_writes_total"); n != "1" {
		y.t.Errorf("%s late writes were counted", n)
	}
	if !strings.Contains(p.Output(), "a request was written after its window") {
		y.t.Errorf("nothing in the log:\n%s", p.Output())
	}
	var laws []alipaytest.Law
	for _, b := range y.gateway.Breaches() {
		laws = append(laws, b.Law)
	}
	if !slices.Equal(laws, []alipaytest.Law{alipaytest.AlreadyShipped}) {
		y.t.Errorf("laws broken: %v", laws)
	}
	var repeats []bool
	for _, a := range y.gateway.Arrivals() {
		if a.Ship() && a.TradeNo == plain.TradeNo {
			repeats = append(repeats, a.Repeat && !a.Applied)
		}
	}
	if !slices.Equal(repeats, []bool{false, true}) {
		y.t.Errorf("the second call shipped again: %v", repeats)
	}
}

// counter is what a process that has stopped printed of a counter.
func counter(p *proctest.Process, name string) string {
	for line := range strings.Lines(p.Output()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return "missing"
}
