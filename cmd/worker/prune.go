package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/settings"
)

// age is a time span for people: days, such as 400d, or a duration.
type age time.Duration

// UnmarshalText reads it.
func (a *age) UnmarshalText(text []byte) error {
	if days, found := strings.CutSuffix(string(text), "d"); found {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is no number of days such as 400d", text)
		}
		*a = age(n) * age(24*time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither a number of days such as 400d nor a duration such as 9600h", text)
	}
	*a = age(d)
	return nil
}

// check refuses ages that are too young to be forgotten.
func (a age) check(what string) error {
	if time.Duration(a) < ledger.PruneLeast {
		return fmt.Errorf("%s: calls are the evidence in a dispute; they are kept for %d days at least", what, int(ledger.PruneLeast.Hours()/24))
	}
	return nil
}

type pruneCmd struct {
	CallsOlderThan age  `required:"" placeholder:"AGE" help:"Forget calls that were begun longer ago, such as 400d; not under 30d."`
	DryRun         bool `help:"Only count them."`
}

// Run is `worker prune`.
func (c *pruneCmd) Run(ctx context.Context, g *cli, s streams) error {
	if err := c.CallsOlderThan.check("--calls-older-than"); err != nil {
		return settings.Usage(err)
	}
	return withLedger(ctx, g, ledger.OpenExisting, func(book *ledger.Ledger) error {
		n, err := book.Prune(ctx, time.Duration(c.CallsOlderThan), c.DryRun, settings.Person())
		said := "%d calls forgotten; what became of their shipments stays\n"
		if c.DryRun {
			said = "%d calls would be forgotten\n"
		}
		_, printErr := fmt.Fprintf(s.out, said, n)
		return errors.Join(err, printErr)
	})
}
