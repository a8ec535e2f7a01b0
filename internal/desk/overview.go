package desk

import (
	"context"
	"net/http"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
)

// overview is the page that says how everything stands.
type overview struct {
	Accounts []standing
	Total    ledger.Standing // over all accounts
	Workers  []ledger.Worker // alive
	Gone     []ledger.Worker // fell silent within the last hour without having said that they end
	Names    map[string]string
	Warnings warnings
	Strips   []strip
	MoreCall int // accounts with calls whose strips are not shown
	Legend   []callClass
	Day      dayChart
}

// standing is an account with what follows from how it stands.
type standing struct {
	ledger.Standing
	Name    string
	Workers int      // alive, that serve it
	Serving []string // their names, where they are shown

	EmptyBy time.Time
	Unknown string // the key of why nobody can say when its queue will be empty; "": EmptyBy says it, or nothing waits
	Hold    *holdWords
}

// Waiting is what is still to be called.
func (s standing) Waiting() int64 { return s.Queued + s.Calling }

// warnings are what somebody has to do something about.
type warnings struct {
	NoWorker  int64      // shipments that wait while no worker at all is alive
	Unserved  []standing // accounts with work that no living worker serves, while there are workers
	Held      []standing
	Slowed    []standing // Alipay is out of order
	Strange   []standing // ship answers are signed in a way that nobody knows here
	MayNotAsk []standing
}

// mostStrips is for how many accounts the last hour's calls are drawn.
const mostStrips = 20

func (q *request) overviewPage() error {
	since := midnight(q.now)
	standings, err := steady(q.Context(), q.d, "standings "+since.String(), func(ctx context.Context) ([]ledger.Standing, error) {
		return q.d.o.Book.Standings(ctx, since, serviceShip)
	})
	if err != nil {
		return err
	}
	// Counts may be a moment old; holds and who may query are as they are now.
	accounts, err := q.d.o.Book.KnownAccounts(q.Context())
	if err != nil {
		return err
	}
	now := make(map[string]ledger.Account, len(accounts))
	for _, a := range accounts {
		now[a.Partner] = a
	}
	workers, err := q.d.o.Book.Workers(q.Context())
	if err != nil {
		return err
	}
	v := overview{Names: make(map[string]string), Legend: callClasses}
	for _, w := range workers {
		switch {
		case w.Alive(q.now):
			v.Workers = append(v.Workers, w)
		case w.Stopped.IsZero() && q.now.Sub(w.Seen) < time.Hour:
			v.Gone = append(v.Gone, w)
		}
	}
	for _, s := range standings {
		if a, known := now[s.Partner]; known {
			s.Account = a
		}
		v.add(q.stand(s, v.Workers))
	}
	if v.Strips, v.MoreCall, err = q.strips(v.Accounts); err != nil {
		return err
	}
	if v.Day, err = q.day(); err != nil {
		return err
	}
	return q.page(http.StatusOK, "overview", v)
}

// stand says what follows from how an account stands.
func (q *request) stand(s ledger.Standing, alive []ledger.Worker) standing {
	s.Now = q.now
	v := standing{Standing: s, Name: accountName(s.Account), Hold: q.lang.hold(s.Hold)}
	for _, w := range alive {
		if w.Serves(s.Partner) {
			v.Workers++
		}
	}
	at, ok := s.EmptyBy()
	switch {
	case v.Waiting() == 0:
	case s.Hold != nil:
		v.Unknown = "overview.on_hold"
	case s.Slowed != nil:
		v.Unknown = "overview.slowed"
	case v.Workers == 0:
		v.Unknown = "overview.unserved"
	case ok:
		v.EmptyBy = at
	}
	return v
}

func (v *overview) add(s standing) {
	v.Accounts = append(v.Accounts, s)
	v.Names[s.Partner] = s.Name
	t := &v.Total
	t.Queued, t.Urgent, t.Retrying = t.Queued+s.Queued, t.Urgent+s.Urgent, t.Retrying+s.Retrying
	t.Calling, t.Dead, t.Shipped = t.Calling+s.Calling, t.Dead+s.Dead, t.Shipped+s.Shipped
	switch {
	case s.Waiting() == 0 || s.Workers > 0:
	case len(v.Workers) == 0:
		v.Warnings.NoWorker += s.Waiting()
	default:
		v.Warnings.Unserved = append(v.Warnings.Unserved, s)
	}
	if s.Standing.Hold != nil {
		v.Warnings.Held = append(v.Warnings.Held, s)
	}
	if s.Slowed != nil {
		v.Warnings.Slowed = append(v.Warnings.Slowed, s)
	}
	if !s.StrangeSignAt.IsZero() {
		v.Warnings.Strange = append(v.Warnings.Strange, s)
	}
	if !s.NoQueryAt.IsZero() {
		v.Warnings.MayNotAsk = append(v.Warnings.MayNotAsk, s)
	}
}

// strips draws the last hour's calls of the accounts that called, and tells of how many it draws none.
func (q *request) strips(accounts []standing) (drawn []strip, more int, err error) {
	from := q.now.Add(-time.Hour)
	for _, a := range accounts {
		if a.LastCall.Before(from) {
			continue
		}
		if len(drawn) == mostStrips {
			more++
			continue
		}
		marks, err := q.marks(a.Partner, from)
		if err != nil {
			return nil, 0, err
		}
		drawn = append(drawn, drawStrip(a.Name, a.Partner, marks, from, q.now))
	}
	return drawn, more, nil
}

func (q *request) marks(partner string, from time.Time) ([]ledger.Mark, error) {
	// A mark is five seconds wide or so; read anew at most that often.
	return counted(q.d.counts, "marks "+partner, func() ([]ledger.Mark, error) {
		return q.d.o.Book.Marks(q.Context(), partner, serviceShip, from)
	})
}

func (q *request) day() (dayChart, error) {
	since := q.now.Truncate(time.Hour).Add(-23 * time.Hour) // Beijing's hours begin when everybody's do
	hours, err := steady(q.Context(), q.d, "hours "+since.String(), func(ctx context.Context) ([]ledger.Hour, error) {
		return q.d.o.Book.Hours(ctx, "", since)
	})
	return drawDay(hours, since, 24), err
}

// midnight is when the day began in Beijing.
func midnight(now time.Time) time.Time {
	y, m, d := now.In(beijing.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, beijing.Zone)
}
