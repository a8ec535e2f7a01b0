package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// The ledger is asked this often, and a person told this often at most.
const (
	lookEvery = 250 * time.Millisecond
	tellEvery = 5 * time.Second
)

type waitCmd struct {
	Batch   string        `required:"" placeholder:"NAME" help:"The batch."`
	Timeout time.Duration `help:"Give up after this long, for example 30m. Default: never."`
}

// Run is `enqueue wait`.
func (c *waitCmd) Run(ctx context.Context, g *cli, s streams) error {
	var faults []error
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("--timeout %v must not be negative", c.Timeout))
	}
	return g.withLedger(ctx, s, ledger.OpenExisting, faults, func(book *ledger.Ledger) error {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		if c.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.Timeout)
			defer cancel()
		}
		return c.watch(ctx, book, s, g.logger(s))
	})
}

// watch looks until nothing of the batch is queued or being called.
func (c *waitCmd) watch(ctx context.Context, book *ledger.Ledger, s streams, log zerolog.Logger) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	say := teller{streams: s}
	idle := idleness{book: book, scope: ledger.Scope{Batch: c.Batch}}
	defer func() { say.bar.end() }()
	for {
		// Detached, so that time being over is never taken for a ledger that cannot be read.
		st, err := readStatus(context.WithoutCancel(ctx), book, idle.scope)
		if err != nil {
			return err
		}
		open := st.Counts[shipment.Queued] + st.Counts[shipment.Calling]
		switch {
		case st.Total == 0:
			return unknown(book, c.Batch, "")
		case open == 0 && st.Counts[shipment.Shipped] == st.Total:
			p := &page{w: s.out}
			p.line("All of batch %s is shipped (%d).", c.Batch, st.Total)
			return p.err
		case open == 0:
			p := &page{w: s.out}
			p.dead(st)
			if p.err != nil {
				return p.err
			}
			return fmt.Errorf("batch %s is done, but not all of it is shipped: %s", c.Batch, counted(st))
		}
		say.progress(st)
		for _, partner := range idle.news(context.WithoutCancel(ctx), time.Now()) {
			say.bar.end()
			say.bar = bar{} // the next look draws it anew, below
			log.Warn().Msg(nobodyServes(partner))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("time is over (--timeout %v); batch %s %s: %s", c.Timeout, c.Batch, goesOn(st), counted(st))
			}
			return fmt.Errorf("stopped waiting; batch %s %s: %s", c.Batch, goesOn(st), counted(st))
		}
	}
}

// goesOn says whether a batch that is no longer waited for does.
func goesOn(st status) string {
	if len(st.Held) == 0 {
		return "goes on"
	}
	h := st.Held[0]
	return fmt.Sprintf("stands, since account %s is on hold (%s: %s) until: worker release %s", h.Partner, h.Code, h.Reason, h.Partner)
}

func counted(st status) string {
	text := ""
	for _, state := range shipment.States() {
		if n := st.Counts[state]; n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, state)
		}
	}
	return text
}

// teller reports progress: a bar on a terminal, elsewhere a line now and then.
type teller struct {
	streams
	bar  bar
	told time.Time
	last string
}

func (t *teller) progress(st status) {
	done := st.Total - st.Counts[shipment.Queued] - st.Counts[shipment.Calling]
	if t.terminal() {
		if t.bar.ProgressBar == nil {
			t.bar = newBar(t.streams, st.Total, false)
		}
		t.bar.set(done)
		return
	}
	text := counted(st)
	if len(st.Held) > 0 {
		text += "; account " + st.Held[0].Partner + " is on hold: " + st.Held[0].Reason
	}
	if text == t.last || time.Since(t.told) < tellEvery {
		return
	}
	t.told, t.last = time.Now(), text
	_, _ = fmt.Fprintf(t.err, "batch %s: %s\n", st.Batch, text) // progress that cannot be told is not missed
}
