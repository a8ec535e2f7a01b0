package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// provedWithin is how old a shipment may be that proves the permission to ship.
const provedWithin = 30 * 24 * time.Hour

// ship hands the shipment over and ships it, if that was asked for and nothing is against it.
func (v *visit) ship(ctx context.Context) {
	if v.o.Fault != nil {
		v.block("the configuration is not whole")
	}
	if v.book == nil {
		v.block("there is no ledger, and nothing is shipped around it")
	}
	switch {
	case v.o.Ship == nil:
		v.provedBefore(ctx)
		v.skip(Shipment, v.partner, "not asked for (--ship); nothing was shipped")
	case v.broken != "":
		v.skip(ShipPermission, v.partner, v.broken)
		v.skip(Shipment, v.partner, "nothing was shipped: "+v.broken)
	default:
		v.shipNow(ctx)
	}
}

// provedBefore looks for a shipment that Alipay has accepted. No call is made to find out: one for a trade that does not
// exist would break U3.
func (v *visit) provedBefore(ctx context.Context) {
	if v.book != nil {
		at, err := v.book.LastCall(ctx, v.partner, alipay.ServiceShip, alipay.Succeeded.String(), provedWithin)
		if err == nil && !at.IsZero() {
			v.pass(ShipPermission, v.partner, "proved by a shipment of "+at.In(beijing.Zone).Format("2006-01-02 15:04:05"))
			return
		}
	}
	v.skip(ShipPermission, v.partner, "only a shipment proves it: --trade-no and --ship for a parcel that has really left")
}

// shipNow is --ship: accepted into the ledger, and then a worker's own steps.
func (v *visit) shipNow(ctx context.Context) {
	known, err := v.book.Get(ctx, v.o.Ship.Key())
	switch {
	case err == nil && known.State == shipment.Shipped:
		v.row = known
		v.shippedBefore()
		return
	case errors.Is(err, ledger.ErrNotFound) && alipay.StateOf(v.asked.TradeStatus) == alipay.AlreadyShipped:
		// Handed over it would become a dead letter.
		v.refuse("the trade is shipped already, and the ledger knows nothing of it", "find out who has shipped it: two programs on one account break the pace (U2). Name another trade")
		return
	case err != nil && !errors.Is(err, ledger.ErrNotFound):
		v.refuse(oneLine(err), "look at the ledger")
		return
	}
	if err := v.accept(ctx); err != nil {
		v.refuse(oneLine(err), "correct it, or look the shipment up on the desk")
		return
	}
	v.row, err = v.shipOnce(ctx)
	v.outcome(ctx, err)
}

// refuse reports that nothing was sent.
func (v *visit) refuse(why, do string) {
	v.skip(ShipPermission, v.partner, "nothing was shipped")
	v.fail(Shipment, v.partner, "nothing was sent: "+why, do)
	v.block("nothing was shipped")
}

// shippedBefore reports a shipment that is shipped since an earlier check, or by a worker.
func (v *visit) shippedBefore() {
	v.pass(ShipPermission, v.partner, "the account may ship")
	var notes []string
	for _, d := range v.row.Differences(*v.o.Ship) {
		notes = append(notes, fmt.Sprintf("it was shipped with %s %q, not %q", d.Field, d.Old, d.New))
	}
	v.pass(Shipment, v.partner, "was shipped "+v.row.SettledAt.In(beijing.Zone).Format("2006-01-02 15:04:05")+" and is not sent again (U7)", notes...)
}

// accept hands the shipment over to the ledger.
func (v *visit) accept(ctx context.Context) error {
	answers, err := v.book.Accept(ctx, []shipment.Shipment{*v.o.Ship}, ledger.AcceptOptions{Actor: v.o.Person})
	if err != nil {
		return err
	}
	if answers[0].Verdict == ledger.Conflict {
		var all []string
		for _, d := range answers[0].Differences {
			all = append(all, fmt.Sprintf("%s is %q there and %q here", d.Field, d.Old, d.New))
		}
		return fmt.Errorf("the ledger has the trade with other details: %s", strings.Join(all, ", "))
	}
	return v.announce(ctx)
}

// announce makes the account known to a ledger that no worker has announced it to. What a worker has announced stays: a
// check must not change the pace of those that run.
func (v *visit) announce(ctx context.Context) error {
	known, err := v.book.Account(ctx, v.partner)
	switch {
	case err == nil && !known.Announced.IsZero():
		v.a.Interval = max(v.a.Interval, known.Interval)
		return nil
	case err != nil && !errors.Is(err, ledger.ErrNotFound):
		return err
	}
	return v.book.Announce(ctx, []ledger.Account{{Partner: v.partner, Name: v.a.Name, Interval: v.a.Interval}})
}

// shipOnce waits for the account's slot and takes the shipment through a lane's steps.
func (v *visit) shipOnce(ctx context.Context) (ledger.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, v.o.ShipWithin+ratelimit.Fence(ratelimit.MaxWindow, v.o.CallTimeout, v.a.Interval))
	defer cancel()
	return worker.ShipOne(ctx, worker.Options{
		Accounts: []worker.Account{v.a}, Gateway: v.o.Client, Book: v.book, CallTimeout: v.o.CallTimeout, Retry: v.o.Retry,
		Name: v.o.Name, Log: v.o.Log,
	}, v.o.Ship.Key())
}

// outcome reports how the shipment stands after a lane's steps.
func (v *visit) outcome(ctx context.Context, err error) {
	if v.row.State == shipment.Shipped {
		v.pass(ShipPermission, v.partner, "the account may ship")
		v.sent(ctx, v.row)
		return
	}
	v.block("it is not known to be shipped")
	if slices.Contains(permissionCodes, v.row.ErrorCode) {
		v.fail(ShipPermission, v.partner, "Alipay answers "+v.row.ErrorCode, "ask Alipay to open send_goods_confirm_by_platform for this partner; then worker release "+v.partner+
			". The shipment waits in the ledger")
		v.skip(Shipment, v.partner, "refused for the account's sake; see ship_permission")
		return
	}
	v.skip(ShipPermission, v.partner, "not proved by this shipment; see there")
	text, do := v.unshipped(v.row)
	if err != nil {
		text += ": " + oneLine(err)
	}
	v.fail(Shipment, v.partner, text, do)
}

// sent tells of a shipment that is shipped since this check began: by it, or by a worker that was faster. That an
// answer does not verify is no fault while a query confirms it: the rule of its signature is a guess.
func (v *visit) sent(ctx context.Context, r ledger.Row) {
	calls, err := v.book.Calls(ctx, r.Key())
	if err != nil {
		v.pass(Shipment, v.partner, "shipped; "+r.TradeStatus, "its calls cannot be read: "+oneLine(err))
		return
	}
	for _, c := range slices.Backward(calls) {
		if c.Service != alipay.ServiceShip {
			continue
		}
		by := "by this check"
		if c.Worker != v.o.Name {
			by = "by " + c.Worker + ", which was faster than this check"
		}
		if c.Verified {
			v.pass(Shipment, v.partner, "shipped "+by+", answered T; the answer's signature verifies")
		} else {
			v.pass(Shipment, v.partner, "shipped "+by+"; a query says so ("+r.TradeStatus+")",
				"the call's own answer does not count: "+c.Error+". One whose signature does not verify is settled by a query each time, which works; report it, see docs/protocol.md")
		}
		return
	}
	v.pass(Shipment, v.partner, "shipped; "+r.TradeStatus)
}

// unshipped tells what became of a shipment that is not shipped, and what to do.
func (v *visit) unshipped(r ledger.Row) (text, do string) {
	switch r.State {
	case shipment.Dead:
		text = "it is a dead letter: " + string(r.Reason)
		if r.ErrorCode != "" {
			text += ", Alipay answers " + r.ErrorCode
		}
		if r.TradeStatus != "" {
			text += ", " + r.TradeStatus
		}
		return text, "docs/operations.md tells what each reason means; settle it on the desk. It is not called again by itself"
	case shipment.Calling:
		return "its outcome is unknown", "nothing is called before a query has told; make this check again, or start a worker"
	case shipment.Queued:
		switch {
		case r.Holds > 0:
			return "Alipay answers " + r.ErrorCode + ", and the account is on hold now", "see docs/operations.md, holds; then worker release " + v.partner
		case r.ErrorCode != "":
			return "Alipay answers " + r.ErrorCode, "make this check again " + r.NotBefore.In(beijing.Zone).Format("after 15:04:05") + ", or start a worker; it is in line"
		}
		return "it was not called, and is in line", "make this check again, or start a worker; to take it out: enqueue cancel --partner " + v.partner + " --trade-no " + r.TradeNo
	case shipment.Closed, shipment.Shipped:
	}
	return "it is closed", "reopen it on the desk"
}

// confirm asks whether the trade waits for the buyer now (T1).
func (v *visit) confirm(ctx context.Context) {
	switch {
	case v.o.Ship == nil:
		v.skip(Confirmation, v.partner, "nothing was shipped")
		return
	case v.status(Shipment, v.partner) != Passed:
		v.skip(Confirmation, v.partner, "it is not known to be shipped")
		return
	case v.status(QueryPermission, v.partner) == Failed:
		v.skip(Confirmation, v.partner, "the account may not query; look at the trade on Alipay's merchant site")
		return
	}
	a, _ := v.query(ctx, v.o.TradeNo)
	switch {
	case a.Outcome == alipay.Succeeded && alipay.StateOf(a.TradeStatus) == alipay.AlreadyShipped:
		v.pass(Confirmation, v.partner, inWords(a.TradeStatus))
	case a.Outcome == alipay.Succeeded:
		v.fail(Confirmation, v.partner, inWords(a.TradeStatus), "Alipay has accepted the shipment and does not show it; ask Alipay's support, and ship nothing more before that")
	case a.Code != "":
		v.fail(Confirmation, v.partner, "the query is answered "+a.Code, "make this check again; the shipment is not sent a second time")
	default:
		v.fail(Confirmation, v.partner, "the query has no answer that counts: "+oneLine(a.Err), "make this check again; the shipment is not sent a second time")
	}
}
