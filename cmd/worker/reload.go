package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"fahuo/internal/worker"
)

// lookEvery is how often the accounts file and the keys are looked at.
const lookEvery = 2 * time.Second

// reloader takes changes of the accounts file and of key files on, while the worker runs.
type reloader struct {
	load  func() (served, error) // reads everything anew; an error names every fault
	serve func(context.Context, served) (worker.Changes, error)
	log   zerolog.Logger

	serving served
	seen    *served // what the last look found
	said    string  // the fault that was last told
}

// run looks now and then, and at once when it is hung up (SIGHUP), until ctx is done.
func (r *reloader) run(ctx context.Context, hangup <-chan os.Signal) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			r.look(ctx, true)
		case <-ticker.C:
			r.look(ctx, false)
		}
	}
}

// look takes on what is different from what is served. Unasked only if two looks in a row find the same: the first
// may have met a file that is half written, and an account that is missing in it would be taken out.
func (r *reloader) look(ctx context.Context, asked bool) {
	found, err := r.load()
	if err != nil {
		r.fault(err, asked)
		return
	}
	again := r.seen != nil && r.seen.same(found)
	r.seen = &found
	if r.serving.same(found) {
		if asked || r.said != "" {
			r.log.Info().Int("accounts", len(found.accounts)).Msg("the accounts were read anew; nothing is different")
		}
		r.said = ""
		return
	}
	if !asked && !again {
		return
	}
	changes, err := r.serve(ctx, found)
	if err != nil && ctx.Err() != nil {
		return // the worker stops
	}
	if err != nil {
		r.fault(err, asked)
		return
	}
	before := r.serving.warnings
	r.serving, r.said = found, ""
	r.log.Info().Strs("added", changes.Added).Strs("removed", changes.Removed).Strs("changed", changes.Changed).
		Msg("the accounts were read anew, and are served so from now on")
	// What was warned of before is not said for every change.
	warn(r.log, slices.DeleteFunc(slices.Clone(found.warnings), func(w warning) bool { return slices.Contains(before, w) }))
}

// warn tells of what is most likely a slip.
func warn(log zerolog.Logger, warnings []warning) {
	for _, w := range warnings {
		log.Warn().Str("partner", w.partner).Msg(w.text)
	}
}

// fault tells of a fault once, or whenever somebody has asked.
func (r *reloader) fault(err error, asked bool) {
	text := err.Error()
	if text == r.said && !asked {
		return
	}
	r.said = text
	r.log.Error().Strs("faults", strings.Split(text, "\n")).
		Msg("the accounts cannot be taken on as they are now; nothing has changed, those that were read before are served")
}
