package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// Report is what a run has come to.
type Report struct {
	Seed       uint64
	Struck     map[Fault]int // how often something has gone wrong by it
	Missed     map[Fault]int // how often its turn came and there was nothing to strike
	Began      time.Time     // when the first fault could strike
	Settled    time.Duration // after the last fault until everything was settled
	Record     *Record
	Violations []Violation
	Late       int // requests written after their window, as the workers have logged
}

// Run starts a world, lets the faults of the schedule strike while shipments are handed over, undoes all
// faults, waits until everything is settled, and checks the records. An error means that the run itself went
// wrong and says nothing about the worker.
func Run(ctx context.Context, c Config) (report Report, err error) {
	report.Seed = c.Seed
	w, err := newWorld(ctx, c)
	if err != nil {
		return report, fmt.Errorf("build the world: %w", err)
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.log("seed %d: %d workers, %d accounts, %d shipments, interval %v, faults for %v", c.Seed, c.Workers, c.Accounts, c.Shipments, c.Interval, c.Span)
	if c.AtOnce {
		if err := w.handOver(ctx, w.parcels(0, c.Shipments), false); err != nil {
			return report, err
		}
	}
	for _, p := range w.workers {
		if err := p.start(ctx); err != nil {
			return report, err
		}
	}
	if err := w.rage(ctx); err != nil {
		return report, err
	}
	w.log("the faults have stopped")
	w.gateway.ClearFaults()
	stopped := time.Now()
	settled := w.settle(ctx, c.Shipments)
	report.Settled = time.Since(stopped)
	report.Struck, report.Missed, report.Began = w.struck, w.missed, w.began
	w.log("settled after %v: %v", report.Settled.Round(100*time.Millisecond), settled)
	if !settled {
		report.Violations = append(report.Violations, Violation{Law: Settled, Detail: fmt.Sprintf("not everything was settled %v after the last fault", c.SettleIn)})
	}
	// Whatever the workers still want to do, they have had their time: the record is read when they are gone.
	for _, p := range w.workers {
		if err := p.end(syscall.SIGTERM); err != nil {
			return report, err
		}
	}
	w.log("the workers have stopped")
	if report.Record, err = w.read(context.WithoutCancel(ctx)); err != nil {
		return report, fmt.Errorf("read the record: %w", err)
	}
	report.Violations = append(report.Violations, Check(report.Record)...)
	logs, late, err := w.workerLogs()
	report.Violations, report.Late = append(report.Violations, logs...), late
	return report, err
}

// rage lets the schedule strike, each target by itself, beside the traffic.
func (w *world) rage(ctx context.Context) error {
	events := Schedule(w.Seed, w.Span, w.Doses)
	queues := make(map[target][]Event)
	for _, e := range events {
		t := strikes[e.Fault].target
		if t == onWorker {
			t += target(fmt.Sprint(e.Choice % uint64(len(w.workers))))
		}
		queues[t] = append(queues[t], e)
	}
	start := time.Now()
	w.began = start
	var all sync.WaitGroup
	failed := make(chan error, len(queues)+1)
	for _, queue := range queues {
		all.Go(func() { failed <- w.follow(ctx, start, queue) })
	}
	if !w.AtOnce {
		all.Go(func() { failed <- w.traffic(ctx) })
	}
	persons, goHome := context.WithCancel(ctx)
	var person sync.WaitGroup
	person.Go(func() { w.person(persons) })
	all.Wait()
	wait(ctx, w.Span-time.Since(start))
	goHome()
	person.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// follow strikes one target's events, each at its time or, when the one before took longer, right after it.
func (w *world) follow(ctx context.Context, start time.Time, queue []Event) error {
	for _, e := range queue {
		if err := sleep(ctx, e.At-time.Since(start)); err != nil {
			return err
		}
		w.log("%v", e)
		counted := w.struck
		err := strikes[e.Fault].strike(ctx, w, e, rand.New(rand.NewPCG(e.Choice, 2))) //nolint:gosec // repeatable, not secret
		if errors.Is(err, errMissed) {
			counted = w.missed
		} else if err != nil {
			return fmt.Errorf("%v: %w", e, err)
		}
		w.mu.Lock()
		counted[e.Fault]++
		w.mu.Unlock()
	}
	return nil
}

// settle waits until everything is settled, and lifts the holds that the faults have left.
func (w *world) settle(ctx context.Context, wanted int) bool {
	ctx, cancel := context.WithTimeout(ctx, w.SettleIn)
	defer cancel()
	next := time.Now()
	return poll(ctx, func() bool {
		if time.Now().Before(next) {
			return false
		}
		next = time.Now().Add(200 * time.Millisecond)
		w.release(ctx)
		counts, err := w.book.Counts(ctx, ledger.Scope{})
		if err != nil || counts[shipment.Queued]+counts[shipment.Calling] > 0 {
			return false
		}
		for _, state := range shipment.States() {
			if unfed, err := w.book.Unfed(ctx, state, 0, 1); err != nil || len(unfed) > 0 {
				return false
			}
		}
		return counts[shipment.Shipped]+counts[shipment.Dead]+counts[shipment.Closed] >= int64(wanted) &&
			w.deadAgree(ctx, int(counts[shipment.Dead]))
	}) == nil
}

// deadAgree tells whether the dead-letter queue agrees with the ledger: a Redis that was rolled back at the very end
// has lost letters that nobody misses before the two are compared.
func (w *world) deadAgree(ctx context.Context, n int) bool {
	there, err := w.ownBelt().Dead(ctx)
	if err != nil || len(there) != n {
		return false
	}
	dead, err := w.book.Dead(ctx, ledger.Scope{}, n+1)
	if err != nil || len(dead) != n {
		return false
	}
	return !slices.ContainsFunc(dead, func(r ledger.Row) bool { return there.At(r.Key()) != tasks.Present })
}

// Gaps are the times between two ship calls of an account, within a span after the faults began.
func (r Report) Gaps(span time.Duration) (gaps []time.Duration) {
	last := make(map[string]time.Time)
	for _, a := range r.Record.Arrivals {
		if !a.Ship() || a.At.Sub(r.Began) > span {
			continue
		}
		if before, ok := last[a.Partner]; ok {
			gaps = append(gaps, a.At.Sub(before))
		}
		last[a.Partner] = a.At
	}
	return gaps
}

// workerLogs looks for what no worker may ever say, and counts late writes.
func (w *world) workerLogs() (violations []Violation, late int, err error) {
	for _, p := range w.workers {
		text, err := os.ReadFile(p.logFile())
		if err != nil {
			return nil, 0, err
		}
		found, n := ReadLog(p.n, string(text))
		violations, late = append(violations, found...), late+n
	}
	return violations, late, nil
}

// ReadLog looks for what no worker may ever say, and counts its late writes.
func ReadLog(worker int, text string) (violations []Violation, late int) {
	for _, bad := range []string{"panic:", "fatal error:", "DATA RACE", testKey} {
		if at := strings.Index(text, bad); at >= 0 {
			violations = append(violations, Violation{Law: Healthy, Detail: fmt.Sprintf("worker %d: %.4000s", worker, text[at:])})
		}
	}
	return violations, strings.Count(text, "written after its window")
}
