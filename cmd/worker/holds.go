package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

type accountsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type holdCmd struct {
	Partner string `arg:"" help:"The account."`
	Reason  string `required:"" help:"Why, for whoever looks later."`
	Ahead   bool   `help:"Hold an account that no worker has announced yet, from its first moment; makes the ledger if there is none."`
}

type releaseCmd struct {
	Partner string `arg:"" help:"The account."`
	Reason  string `help:"What was mended, for whoever looks later."`
}

// withLedger opens the ledger for one command.
func withLedger(ctx context.Context, g *cli, open func(context.Context, string) (*ledger.Ledger, error), f func(*ledger.Ledger) error) (err error) {
	if err := ledger.Check(g.Ledger); err != nil { // Redis is not needed here
		return settings.Usage(fmt.Errorf("--ledger (DATABASE_URL): %w", err))
	}
	book, err := open(ctx, g.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	return f(book)
}

// Run is `worker accounts`.
func (c *accountsCmd) Run(ctx context.Context, g *cli, s streams) error {
	return withLedger(ctx, g, ledger.OpenExisting, func(book *ledger.Ledger) error {
		known, err := book.Accounts(ctx)
		if err != nil {
			return err
		}
		ahead, err := book.HeldAhead(ctx)
		if err != nil {
			return err
		}
		known = append(known, ahead...)
		slices.SortFunc(known, func(a, b ledger.Account) int { return strings.Compare(a.Partner, b.Partner) })
		if c.JSON {
			return printJSON(s.out, known)
		}
		if len(known) == 0 {
			_, err := fmt.Fprintln(s.err, "no worker has announced an account to this ledger yet ("+book.URL()+")")
			return err
		}
		return printTable(s.out, known)
	})
}

type accountJSON struct {
	Partner   string    `json:"partner"`
	Name      string    `json:"name"`
	Interval  string    `json:"interval"` // empty: not announced
	MayQuery  bool      `json:"may_query"`
	Announced bool      `json:"announced"` // false: held ahead, and no worker has served it yet
	Hold      *holdJSON `json:"hold"`
	Slowed    *slowJSON `json:"slowed"` // Alipay is out of order: called for rarely
}

type slowJSON struct {
	Code  string `json:"code"` // empty: no answer
	Since string `json:"since"`
}

type holdJSON struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Since  string `json:"since"`
}

func printJSON(w io.Writer, known []ledger.Account) error {
	list := make([]accountJSON, 0, len(known))
	for _, a := range known {
		v := accountJSON{Partner: a.Partner, Name: a.Name, MayQuery: a.NoQueryAt.IsZero(), Announced: !a.Announced.IsZero()}
		if v.Announced {
			v.Interval = a.Interval.String()
		}
		if h := a.Hold; h != nil {
			v.Hold = &holdJSON{Code: h.Code, Reason: h.Reason, Since: h.Since.In(beijing.Zone).Format(time.RFC3339)}
		}
		if w := a.Slowed; w != nil {
			v.Slowed = &slowJSON{Code: w.Code, Since: w.Since.In(beijing.Zone).Format(time.RFC3339)}
		}
		list = append(list, v)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}

func printTable(w io.Writer, known []ledger.Account) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, "PARTNER\tINTERVAL\tQUERIES\tHOLD\tSINCE\tNAME"); err != nil {
		return err
	}
	held := false
	for _, a := range known {
		hold, since, queries, interval, name := "-", "-", "yes", a.Interval.String(), a.Name
		if !a.NoQueryAt.IsZero() {
			queries = "refused"
		}
		if a.Announced.IsZero() {
			queries, interval, name = "-", "-", "(held ahead: no worker has announced it yet)"
		}
		if w := a.Slowed; w != nil {
			hold, since = "none, but slowed while Alipay is out of order: "+cmp.Or(w.Code, "no answer"), w.Since.In(beijing.Zone).Format(second)
		}
		if h := a.Hold; h != nil {
			hold, since, held = h.Code+": "+h.Reason, h.Since.In(beijing.Zone).Format(second), true
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Partner, interval, queries, hold, since, name); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil || !held {
		return err
	}
	_, err := fmt.Fprintln(w, "What to look at before releasing: see docs/operations.md#holds")
	return err
}

// second is how times are shown, in beijing.
const second = "2006-01-02 15:04:05 +08:00"

// Run is `worker hold`.
func (c *holdCmd) Run(ctx context.Context, g *cli, s streams) error {
	if strings.TrimSpace(c.Reason) == "" {
		return settings.Usage(errors.New("--reason is empty; say why, for whoever looks later"))
	}
	open := ledger.OpenExisting
	if c.Ahead {
		if err := shipment.CheckPartner(c.Partner); err != nil { // nobody else will notice a slip
			return settings.Usage(err)
		}
		open = ledger.Open
	}
	return withLedger(ctx, g, open, func(book *ledger.Ledger) error { return c.hold(ctx, book, s) })
}

func (c *holdCmd) hold(ctx context.Context, book *ledger.Ledger, s streams) error {
	a, err := book.Account(ctx, c.Partner)
	switch {
	case err != nil && !errors.Is(err, ledger.ErrNotFound):
		return err
	case a.Hold != nil:
		return c.heldAlready(a, s)
	case a.Announced.IsZero() && !c.Ahead:
		return fmt.Errorf("%w; to hold it before a worker first announces it, add --ahead", unannounced(ctx, book, c.Partner))
	}
	held, err := book.SetHold(ctx, c.Partner, ledger.HoldManual, c.Reason, settings.Person())
	if err != nil {
		return err
	}
	if !held { // somebody was quicker
		if a, err = book.Account(ctx, c.Partner); err != nil {
			return err
		}
		if a.Hold != nil {
			return c.heldAlready(a, s)
		}
	}
	how := "a call under way is still finished"
	if a.Announced.IsZero() {
		how = "no worker has announced it to " + book.URL() + " yet; it is held from its first moment"
	}
	_, err = fmt.Fprintf(s.out, "%s is on hold; %s. Lift it with: worker release %s\n", c.Partner, how, c.Partner)
	return err
}

// heldAlready says for which reason an account stays on hold.
func (c *holdCmd) heldAlready(a ledger.Account, s streams) error {
	_, err := fmt.Fprintf(s.out, "%s was on hold already since %s (%s: %s); that reason stays\n", c.Partner,
		a.Hold.Since.In(beijing.Zone).Format(second), a.Hold.Code, a.Hold.Reason)
	return err
}

// Run is `worker release`.
func (c *releaseCmd) Run(ctx context.Context, g *cli, s streams) error {
	return withLedger(ctx, g, ledger.OpenExisting, func(book *ledger.Ledger) error {
		_, err := book.Account(ctx, c.Partner)
		if errors.Is(err, ledger.ErrNotFound) {
			return unannounced(ctx, book, c.Partner)
		}
		if err != nil {
			return err
		}
		released, err := book.Release(ctx, c.Partner, strings.TrimSpace(c.Reason), settings.Person())
		if err != nil {
			return err
		}
		text := " is released; its queue goes on within 2 s"
		if !released {
			text = " was not on hold"
		}
		_, err = fmt.Fprintln(s.out, c.Partner+text)
		return err
	})
}

// unannounced names the accounts there are, for somebody who has named another.
func unannounced(ctx context.Context, book *ledger.Ledger, partner string) error {
	known, err := book.Accounts(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(known))
	for i, a := range known {
		names[i] = strings.TrimSpace(a.Partner + " " + a.Name)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return fmt.Errorf("no worker has announced account %s to the ledger %s; known: %s", partner, book.URL(), strings.Join(names, ", "))
}
