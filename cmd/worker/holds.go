package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

// beijing is the zone in which people read times here.
var beijing = time.FixedZone("UTC+8", 8*60*60)

type accountsCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

type holdCmd struct {
	Partner string `arg:"" help:"The account."`
	Reason  string `required:"" help:"Why, for whoever looks later."`
}

type releaseCmd struct {
	Partner string `arg:"" help:"The account."`
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
	Partner  string    `json:"partner"`
	Name     string    `json:"name"`
	Interval string    `json:"interval"`
	MayQuery bool      `json:"may_query"`
	Hold     *holdJSON `json:"hold"`
}

type holdJSON struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Since  string `json:"since"`
}

func printJSON(w io.Writer, known []ledger.Account) error {
	list := make([]accountJSON, 0, len(known))
	for _, a := range known {
		v := accountJSON{Partner: a.Partner, Name: a.Name, Interval: a.Interval.String(), MayQuery: a.NoQueryAt.IsZero()}
		if h := a.Hold; h != nil {
			v.Hold = &holdJSON{Code: h.Code, Reason: h.Reason, Since: h.Since.In(beijing).Format(time.RFC3339)}
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
	for _, a := range known {
		hold, since, queries := "-", "-", "yes"
		if !a.NoQueryAt.IsZero() {
			queries = "refused"
		}
		if h := a.Hold; h != nil {
			hold, since = h.Code+": "+h.Reason, h.Since.In(beijing).Format("2006-01-02 15:04:05 +08:00")
		}
		if _, err := fmt.Fprintf(table, "%s\t%v\t%s\t%s\t%s\t%s\n", a.Partner, a.Interval, queries, hold, since, a.Name); err != nil {
			return err
		}
	}
	return table.Flush()
}

// Run is `worker hold`.
func (c *holdCmd) Run(ctx context.Context, g *cli, s streams) error {
	if strings.TrimSpace(c.Reason) == "" {
		return settings.Usage(errors.New("--reason is empty; say why, for whoever looks later"))
	}
	return withLedger(ctx, g, ledger.Open, func(book *ledger.Ledger) error {
		if a, err := book.Account(ctx, c.Partner); err == nil && a.Hold != nil {
			_, err := fmt.Fprintf(s.out, "%s was on hold already since %s (%s: %s); that reason stays\n", c.Partner,
				a.Hold.Since.In(beijing).Format("2006-01-02 15:04:05 +08:00"), a.Hold.Code, a.Hold.Reason)
			return err
		}
		_, err := book.Account(ctx, c.Partner)
		if err != nil && !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
		if err != nil {
			if err := shipment.CheckPartner(c.Partner); err != nil {
				return settings.Usage(err)
			}
			if _, err := fmt.Fprintf(s.err, "worker: no worker has announced %s to %s yet; it will be held from its first moment\n", c.Partner, book.URL()); err != nil {
				return err
			}
		}
		if err := book.SetHold(ctx, c.Partner, ledger.HoldManual, c.Reason, person()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s is on hold; a call under way is still finished. Lift it with: worker release %s\n", c.Partner, c.Partner)
		return err
	})
}

// Run is `worker release`.
func (c *releaseCmd) Run(ctx context.Context, g *cli, s streams) error {
	return withLedger(ctx, g, ledger.OpenExisting, func(book *ledger.Ledger) error {
		if _, err := book.Account(ctx, c.Partner); err != nil {
			return unknownAccount(ctx, book, c.Partner, err)
		}
		released, err := book.Release(ctx, c.Partner, person())
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

// unknownAccount names the accounts there are.
func unknownAccount(ctx context.Context, book *ledger.Ledger, partner string, err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	known, listErr := book.Accounts(ctx)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	names := "none"
	for i, a := range known {
		if i == 0 {
			names = ""
		} else {
			names += ", "
		}
		names += a.Partner + " " + a.Name
	}
	return fmt.Errorf("no worker has announced account %s to the ledger %s; known: %s", partner, book.URL(), names)
}

// person names who acts, for the history.
func person() string {
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "operator"
	}
	return u.Username
}
