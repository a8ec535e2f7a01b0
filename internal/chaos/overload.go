package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Mountain is what came of a run in which one account has a mountain of work and the others have a little.
type Mountain struct {
	Record     *Record
	Violations []Violation
	Began      time.Time     // when the first ship call came
	Others     time.Duration // from then until the others' last shipment was shipped
	Meanwhile  int           // ship calls of the account with the mountain until the others' last ship call
	Memory     [2]int64      // of the largest worker, in bytes: once it works, and the most
}

// overloadIn is how long the workers are given besides the span; the others are done in seconds.
const overloadIn = 5 * time.Minute

// Overload gives the first account a mountain of shipments and each of the others a few, and lets the workers
// work for a while, at least until the others are done.
func Overload(ctx context.Context, c Config, mountain, few int) (m Mountain, err error) {
	c.Shipments = mountain + (c.Accounts-1)*few
	w, err := newWorld(ctx, c)
	if err != nil {
		return m, fmt.Errorf("build the world: %w", err)
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.pile(ctx, mountain, few); err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Span+overloadIn)
	defer cancel()
	for _, p := range w.workers {
		if err := p.start(ctx); err != nil {
			return m, err
		}
	}
	if err := poll(ctx, func() bool { return len(w.gateway.Arrivals()) > c.Accounts }); err != nil {
		return m, err
	}
	m.Began = time.Now()
	if m.Memory[0], err = w.memory(); err != nil {
		return m, err
	}
	for time.Since(m.Began) < c.Span || m.Others == 0 {
		now, err := w.memory()
		if err != nil {
			return m, err
		}
		m.Memory[1] = max(m.Memory[1], now)
		if m.Others == 0 {
			if done, err := w.othersDone(ctx, few); err != nil {
				return m, err
			} else if done {
				m.Others = time.Since(m.Began)
			}
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return m, err
		}
	}
	for _, p := range w.workers {
		if err := p.end(syscall.SIGTERM); err != nil {
			return m, err
		}
	}
	m.Record = &Record{Interval: c.Interval, CallTimeout: c.CallTimeout, Arrivals: w.gateway.Arrivals(), Breaches: w.gateway.Breaches()}
	m.Meanwhile = meanwhile(m.Record.Arrivals, w.partner(0))
	check := &checker{Record: m.Record}
	check.once()
	check.pace()
	m.Violations = check.found
	return m, nil
}

// meanwhile counts an account's ship calls before the last one of any other account.
func meanwhile(arrivals []alipaytest.Arrival, partner string) (calls int) {
	n := 0
	for _, a := range arrivals {
		switch {
		case !a.Ship():
		case a.Partner == partner:
			n++
		default:
			calls = n
		}
	}
	return calls
}

// pile accepts the shipments, the mountain first, and puts them on the belt, as a file that is imported does.
func (w *world) pile(ctx context.Context, mountain, few int) error {
	of := func(account, from, to int) (all []shipment.Shipment) {
		for n := from; n < to; n++ {
			s := w.parcel(n)
			s.Partner, s.Urgent = w.partner(account), false
			all = append(all, s)
		}
		return all
	}
	const chunk = 5000
	for from := 0; from < mountain; from += chunk {
		if _, err := w.book.Accept(ctx, of(0, from, min(from+chunk, mountain)), ledger.AcceptOptions{}); err != nil {
			return err
		}
	}
	for account := 1; account < w.Accounts; account++ {
		if _, err := w.book.Accept(ctx, of(account, mountain+account*few, mountain+(account+1)*few), ledger.AcceptOptions{}); err != nil {
			return err
		}
	}
	_, err := intake.Deliver(ctx, w.book, w.ownBelt())
	return err
}

func (w *world) othersDone(ctx context.Context, few int) (bool, error) {
	counts, err := w.book.CountsByPartner(ctx)
	if err != nil {
		return false, err
	}
	for account := 1; account < w.Accounts; account++ {
		if counts[w.partner(account)][shipment.Shipped] < int64(few) {
			return false, nil
		}
	}
	return true, nil
}

// memory is what the largest worker has in memory, in bytes.
func (w *world) memory() (most int64, err error) {
	for _, p := range w.workers {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
				if err != nil {
					return 0, err
				}
				most = max(most, kb<<10)
			}
		}
	}
	return most, nil
}
