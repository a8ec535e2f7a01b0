package worker

import (
	"context"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Changes are the accounts that were configured anew, by partner.
type Changes struct{ Added, Removed, Changed []string }

// None tells that everything is as it was.
func (c Changes) None() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// same tells whether nothing has changed about an account.
func (a Account) same(b Account) bool {
	return a.Name == b.Name && a.Interval == b.Interval && a.NoPreflight == b.NoPreflight && a.Credentials.Equal(b.Credentials)
}

// Compare tells what is new, missing and different in after.
func Compare(before, after []Account) (c Changes) {
	known := make(map[string]Account)
	for _, a := range before {
		known[a.Credentials.Partner] = a
	}
	for _, a := range after {
		partner := a.Credentials.Partner
		old, there := known[partner]
		delete(known, partner)
		switch {
		case !there:
			c.Added = append(c.Added, partner)
		case !old.same(a):
			c.Changed = append(c.Changed, partner)
		}
	}
	for _, a := range before {
		if _, missing := known[a.Credentials.Partner]; missing {
			c.Removed = append(c.Removed, a.Credentials.Partner)
		}
	}
	return c
}

// Accounts are those that the worker serves now.
func (w *Worker) Accounts() []Account {
	lanes := w.serving()
	all := make([]Account, len(lanes))
	for i, l := range lanes {
		all[i] = l.a()
	}
	return all
}

// Reconfigure makes the worker serve these accounts from now on, without stopping the others: a new one is begun, one
// that is missing ends gently (its shipments stay in line, in the ledger), and what is different about one counts from
// its next call on. An error means that nothing has changed; it may be tried again.
func (w *Worker) Reconfigure(ctx context.Context, accounts []Account) (Changes, error) {
	w.changing.Lock()
	defer w.changing.Unlock()
	o := w.o
	o.Accounts = accounts
	if err := o.validate(); err != nil {
		return Changes{}, err
	}
	changes := Compare(w.Accounts(), accounts)
	if changes.None() {
		return changes, nil
	}
	var news []Account
	for _, a := range accounts {
		if partner := a.Credentials.Partner; slices.Contains(changes.Added, partner) || slices.Contains(changes.Changed, partner) {
			news = append(news, a)
		}
	}
	// First: begin asks the ledger for the interval, and a hold for the account.
	if err := w.announceThese(ctx, news); err != nil {
		return Changes{}, err
	}
	removed, err := w.relay(accounts)
	if err != nil {
		return Changes{}, err
	}
	var ending sync.WaitGroup
	for _, l := range removed {
		w.o.Log.Info().Str("partner", l.partner).Msg("the account is taken out: no new call; a call under way ends and is recorded")
		ending.Go(func() { w.retire(l) })
	}
	ending.Wait()
	return changes, nil
}

// relay puts the lanes in place that these accounts need, and returns those that are not needed any more.
func (w *Worker) relay(accounts []Account) (removed []*lane, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining() {
		return nil, errDraining
	}
	left := make(map[string]*lane)
	for _, l := range w.lanes {
		left[l.partner] = l
	}
	lanes := make([]*lane, len(accounts))
	for i, a := range accounts {
		l, there := left[a.Credentials.Partner]
		if there {
			delete(left, l.partner)
			l.take(a)
		} else {
			l = newLane(w, a)
			if w.working {
				l.start(delayedCheck(len(accounts)))
			}
		}
		lanes[i] = l
	}
	for _, l := range w.lanes {
		if left[l.partner] != nil {
			removed = append(removed, l)
		}
	}
	w.lanes = lanes
	return removed, nil
}

// retire ends a lane as Stop ends all: no new task, what is in hand goes back in line, a call under way is recorded.
func (w *Worker) retire(l *lane) {
	l.halt()
	l.end()
	l.stop()
	for _, gauge := range []*prometheus.GaugeVec{w.metrics.shipments, w.metrics.oldest, w.metrics.held, w.metrics.slowed} {
		gauge.DeletePartialMatch(prometheus.Labels{"partner": l.partner})
	}
}
