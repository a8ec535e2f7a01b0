package main

import (
	"context"
	"errors"
	"fmt"

	"fahuo/internal/ledger"
	"fahuo/internal/settings"
	"fahuo/internal/shipment"
)

type cancelCmd struct {
	Batch   string `placeholder:"NAME" help:"All of this batch; or one shipment by --partner and --trade-no."`
	Partner string `placeholder:"PARTNER" help:"The account of the one shipment."`
	TradeNo string `placeholder:"NUMBER" help:"The trade number of the one shipment."`
}

func (c *cancelCmd) check() []error {
	one := c.Partner != "" || c.TradeNo != ""
	switch {
	case c.Batch == "" && !one:
		return []error{errors.New("say what to cancel: --batch B, or --partner P --trade-no N")}
	case c.Batch != "" && one:
		return []error{errors.New("give either --batch, or --partner with --trade-no")}
	case one && (c.Partner == "" || c.TradeNo == ""):
		return []error{errors.New("one shipment is named by both --partner and --trade-no")}
	}
	return checkPartnerFlag(c.Partner)
}

// Run is `enqueue cancel`.
func (c *cancelCmd) Run(ctx context.Context, g *cli, s streams) error {
	return g.withLedger(ctx, s, ledger.OpenExisting, c.check(), func(book *ledger.Ledger) error {
		scope := ledger.Scope{Batch: c.Batch, Partner: c.Partner, TradeNo: shipment.Unwrap(c.TradeNo)}
		closed, left, err := book.Cancel(ctx, scope, settings.Person())
		if err != nil {
			return err
		}
		counts, err := book.Counts(ctx, scope)
		if err != nil {
			return err
		}
		before := counts[shipment.Closed] - closed
		if closed+before == 0 && len(left) == 0 {
			return c.unknown(book)
		}
		p := &page{w: s.out}
		p.line("%d cancelled, %d left%s.", closed, len(left), closedAlready(before))
		for _, row := range left {
			p.line("  %s is left: %s", row.Key(), whyLeft(row))
		}
		if len(left) > 0 {
			return errors.Join(p.err, fmt.Errorf("%d could not be cancelled", len(left)))
		}
		return p.err
	})
}

func closedAlready(n int64) string {
	switch {
	case n <= 0: // below 0: one was reopened meanwhile
		return ""
	case n == 1:
		return "; 1 was closed already"
	}
	return fmt.Sprintf("; %d were closed already", n)
}

func (c *cancelCmd) unknown(book *ledger.Ledger) error {
	if c.Batch != "" {
		return unknown(book, c.Batch, "")
	}
	return fmt.Errorf("there is no shipment of trade %s of account %s in the ledger %s", c.TradeNo, c.Partner, book.URL())
}

// whyLeft says why a shipment could not be cancelled.
func whyLeft(row ledger.Row) string {
	switch row.State {
	case shipment.Queued:
		return "queued, but a call for it has been sent, so Alipay may have shipped it already"
	case shipment.Calling:
		return "being called now"
	case shipment.Shipped:
		return "shipped"
	case shipment.Dead:
		return fmt.Sprintf("dead (%s): a person has to settle it", row.Reason)
	case shipment.Closed:
	}
	return string(row.State)
}
