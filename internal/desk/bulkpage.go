package desk

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"fahuo/internal/ledger"
)

// bulkView is an act over many: what it would be done to, how far it is, what it has come to.
type bulkView struct {
	Bulk      ledger.Bulk
	Here      string // its address
	Back      string // the list, with the filter that it was ordered under
	Described []string
	Running   bool // under way, in this process
	Broken    bool // begun, and nobody is at it here
	Live      string
	Value     int64 // of Most
	Most      int64
	Lost      int64 // picked, and not among the dead letters any more
	Groups    []bulkGroup
	Sample    []ledger.Row // of what it would be done to
	Accounts  []bulkAccount
	Last      time.Time // when the last will have been called; zero: nobody can say
	Unsaid    bool      // something waits, and nobody can say until when
	Names     map[string]string
}

// bulkGroup is what is left alone for one reason.
type bulkGroup struct {
	Why    ledger.Obstacle
	N      int64
	Sample []ledger.Row
}

// bulkAccount is an account that an act over many concerns.
type bulkAccount struct {
	Name     string
	N        int64
	Interval time.Duration
	Last     time.Time
	Hold     *ledger.Hold
	Served   bool
}

// sampled is how many of a group are shown.
const sampled = 5

func (q *request) bulkID() (int64, error) {
	id, err := strconv.ParseInt(q.PathValue("id"), 10, 64)
	if err != nil {
		return 0, &problem{http.StatusNotFound, "error.not_found"}
	}
	return id, nil
}

func (q *request) bulkPage() error {
	id, err := q.bulkID()
	if err != nil {
		return err
	}
	return q.showBulk(id)
}

func (q *request) showBulk(id int64) error {
	here := q.d.inHand(id) // before it is read: one that ends meanwhile is over and not broken off
	b, err := q.d.o.Book.Bulk(q.Context(), id)
	if err != nil {
		return err
	}
	if b.State == ledger.BulkPreview && b.DoneAt.IsZero() { // being made, or given up
		return &problem{http.StatusNotFound, "bulk.gone"}
	}
	accounts, err := q.d.accounts(q.Context())
	if err != nil {
		return err
	}
	v := bulkView{Bulk: b, Here: bulkPath(id), Back: deadList(b.Filter), Names: accounts.names()}
	if v.Described, err = q.describe(b.Filter); err != nil {
		return err
	}
	if picked := pickedIn(b.Filter); picked > b.Counts.Total() {
		v.Lost = picked - b.Counts.Total()
	}
	if b.State == ledger.BulkRunning || b.State == ledger.BulkUndoing {
		v.Running, v.Broken = here, !here
		v.Live = "2"
	}
	v.Value, v.Most = progress(b)
	for _, why := range slices.Sorted(maps.Keys(b.Counts.Obstacles)) {
		sample, err := q.d.o.Book.BulkSample(q.Context(), id, why, sampled)
		if err != nil {
			return err
		}
		v.Groups = append(v.Groups, bulkGroup{why, b.Counts.Obstacles[why], sample})
	}
	if b.State == ledger.BulkPreview {
		if err := q.foresee(&v); err != nil {
			return err
		}
	}
	if b.Act == ledger.ActSendAgain && b.State == ledger.BulkDone {
		if err := q.lookAhead(&v); err != nil {
			return err
		}
	}
	return q.page(http.StatusOK, "bulk", v)
}

// progress is how far an act is, and of how many. What has changed since it was shown is dealt with, too.
func progress(b ledger.Bulk) (value, most int64) {
	changed := b.Counts.Obstacles[ledger.ObstacleChanged]
	if b.State == ledger.BulkUndoing {
		return b.Counts.Undone, b.Counts.Undone + b.Counts.Done
	}
	return b.Counts.Done + changed, b.Counts.Done + changed + b.Counts.Todo
}

// foresee fills in by account what would be done, and when the last will have been called: after what is ahead of
// it, one interval each.
func (q *request) foresee(v *bulkView) error {
	var err error
	if v.Sample, err = q.d.o.Book.BulkSample(q.Context(), v.Bulk.ID, "", sampled); err != nil {
		return err
	}
	counts, err := q.d.o.Book.BulkPartners(q.Context(), v.Bulk.ID, "")
	if err != nil {
		return err
	}
	standings, err := q.d.standings(q.Context(), q.now)
	if err != nil {
		return err
	}
	for _, partner := range slices.Sorted(maps.Keys(counts)) {
		a := bulkAccount{Name: partner, N: counts[partner]}
		if name := v.Names[partner]; name != "" {
			a.Name = name
		}
		if a.Served, err = q.d.served(q.Context(), partner); err != nil {
			return err
		}
		i := slices.IndexFunc(standings, func(s ledger.Standing) bool { return s.Partner == partner })
		if i >= 0 {
			a.Hold, a.Interval = standings[i].Hold, standings[i].Interval
			if a.Served {
				a.Last = lastCalled(standings[i], a.N)
			}
		}
		v.Accounts = append(v.Accounts, a)
	}
	v.Last = latest(v.Accounts)
	return nil
}

// lookAhead says by when everything that was sent again will have been called: all of it is in the line of what was
// begun before.
func (q *request) lookAhead(v *bulkView) error {
	done, err := q.d.o.Book.BulkPartners(q.Context(), v.Bulk.ID, ledger.BulkHasDone)
	if err != nil {
		return err
	}
	standings, err := q.d.standings(q.Context(), q.now)
	if err != nil {
		return err
	}
	for _, s := range standings {
		if s.Retrying > 0 && done[s.Partner] > 0 {
			a := bulkAccount{Hold: s.Hold}
			if a.Served, err = q.d.served(q.Context(), s.Partner); err != nil {
				return err
			}
			if a.Served {
				a.Last = lastCalled(s, 0)
			}
			v.Accounts = append(v.Accounts, a)
		}
	}
	v.Last = latest(v.Accounts)
	v.Unsaid = len(v.Accounts) > 0 && v.Last.IsZero()
	v.Accounts = nil
	return nil
}

// lastCalled is when the last of n more will have been called, behind what is urgent or was begun before.
func lastCalled(s ledger.Standing, n int64) time.Time {
	if s.Hold != nil || s.Announced.IsZero() {
		return time.Time{}
	}
	open := s.Now
	if s.OpenAt.After(open) {
		open = s.OpenAt
	}
	return open.Add(time.Duration(max(s.Urgent+s.Retrying+n-1, 0)) * s.Interval)
}

// latest is the last of all; zero when one of them cannot be said.
func latest(accounts []bulkAccount) (last time.Time) {
	for _, a := range accounts {
		if a.Last.IsZero() {
			return time.Time{}
		}
		if a.Last.After(last) {
			last = a.Last
		}
	}
	return last
}

// runBulk has done what was shown, or goes on with it. Of two clicks the second finds it begun.
func (q *request) runBulk() error { return q.startBulk(false) }

// undoBulk takes an act of closing back.
func (q *request) undoBulk() error { return q.startBulk(true) }

func (q *request) startBulk(undo bool) error {
	id, err := q.bulkID()
	if err != nil {
		return err
	}
	err = q.d.o.Book.StartBulk(q.Context(), id, undo, q.user.Name)
	if err != nil && !errors.Is(err, ledger.ErrStale) {
		return err
	}
	b, err := q.d.o.Book.Bulk(q.Context(), id)
	if err != nil {
		return err
	}
	if b.State == ledger.BulkRunning || b.State == ledger.BulkUndoing {
		q.d.carryOn(id)
	}
	q.d.counts.empty()
	return q.redirect(bulkPath(id))
}

// standings are how the accounts stand, for reckoning when something will be called.
func (d *Desk) standings(ctx context.Context, now time.Time) ([]ledger.Standing, error) {
	return counted(d.counts, "standings for bulk", func() ([]ledger.Standing, error) { return d.o.Book.Standings(ctx, now, serviceShip) })
}

// pickedIn is how many were picked by hand under a filter; 0: everything that matches was meant.
func pickedIn(filter string) int64 {
	query, err := url.ParseQuery(filter)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(query.Get("picked"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
