package check

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/worker"
)

// visit is the steps of one account.
type visit struct {
	*run

	a       worker.Account
	partner string

	asked  alipay.Answer // the query's
	broken string        // why nothing may be shipped; empty: nothing is against it
	row    ledger.Row    // the shipment's, once it was handed over
}

// improbable is a trade number that no trade has: it is dated before there was Alipay.
const improbable = "2000010100001000000000000000"

// demo tells what is out of Alipay's examples (A3). It is no fault of a check.
func (v *visit) demo() {
	found := alipay.DemoIdentities(v.a.Credentials, v.host())
	switch {
	case len(found) == 0:
		v.pass(Demo, v.partner, "nothing of it is out of Alipay's examples")
	case v.local():
		v.pass(Demo, v.partner, "it is out of Alipay's examples, and the gateway is on this host")
	default:
		v.pass(Demo, v.partner, strings.Join(found, "; "), "what is traded under it is charged 3 % (A3). It is for a test alone: "+
			"worker run refuses it with this gateway; replace it by the contracted one as soon as the test is over")
	}
}

// ask makes the one query that proves what Alipay thinks of the account.
func (v *visit) ask(ctx context.Context) {
	if v.reachable != "" {
		v.broken = v.reachable
		for _, id := range []ID{Gateway, Clock, Partner, Key, Charset, Origin, Answer, QueryPermission} {
			v.skip(id, v.partner, v.reachable)
		}
		return
	}
	no := v.o.TradeNo
	if no == "" {
		no = improbable
	}
	before := time.Now()
	a, note := v.query(ctx, no)
	after := time.Now()
	v.asked = a
	v.gateway(a, note)
	v.clock(a.Date, before, after)
	v.accepted(a)
}

// query makes a query and records it, as a worker does (R3). The note tells of one that could not be recorded.
func (v *visit) query(ctx context.Context, no string) (a alipay.Answer, note string) {
	limited, cancel := context.WithTimeout(ctx, v.o.CallTimeout)
	defer cancel()
	a, params, took := v.o.Client.Query(limited, v.a.Credentials, no)
	if v.book == nil {
		return a, "the query is not recorded: there is no ledger"
	}
	text, err := json.Marshal(params)
	if err == nil {
		record, cancel := context.WithTimeout(context.WithoutCancel(ctx), awayAfter) // it has been made
		defer cancel()
		err = v.book.RecordQuery(record, shipment.Key{Partner: v.partner, TradeNo: no}, alipay.ServiceQuery, v.o.Name, string(text), worker.Recorded(a, took))
	}
	if err != nil {
		return a, "the query is not recorded: " + err.Error()
	}
	return a, ""
}

// answered tells whether an answer came that says what Alipay makes of the account or of the trade.
func answered(a alipay.Answer) bool {
	switch {
	case !a.Complete || a.Outcome == alipay.Busy || a.Outcome == alipay.UnlistedCode:
		return false
	case a.Outcome != alipay.Unknown:
		return true
	case a.Code != "": // known, and wrongly signed
		return alipay.Classify(a.Code) != alipay.Unknown
	}
	return a.Verified || a.Unverified
}

func (v *visit) gateway(a alipay.Answer, note string) {
	var notes []string
	if note != "" {
		notes = append(notes, note)
	}
	switch {
	case answered(a):
		v.pass(Gateway, v.partner, "it answers queries", notes...)
		return
	case a.Outcome == alipay.Busy:
		v.fail(Gateway, v.partner, "Alipay answers "+a.Code+": it is busy", "make the check again in a minute")
	case a.Code != "":
		v.fail(Gateway, v.partner, "Alipay answers "+a.Code+", which does not say anything about the account", "make the check again; if it stays, ask Alipay what the code means")
	default:
		v.fail(Gateway, v.partner, "no answer that counts: "+oneLine(a.Err), "is it Alipay's gateway that answers there, and no proxy's page? Make the check again")
	}
	v.broken = "the gateway did not answer"
}

// wrongClock is by how much clocks may differ; the gateway tells whole seconds.
const wrongClock = 5 * time.Second

// clock compares this machine's clock with the gateway's.
func (v *visit) clock(said, before, after time.Time) {
	if said.IsZero() {
		v.skip(Clock, v.partner, "the gateway did not say what time it is")
		return
	}
	// The gateway's second lies somewhere between sending and receiving; the doubt is the machine's benefit.
	var off time.Duration
	switch second := said.Add(time.Second); {
	case after.Round(0).Before(said):
		off = after.Round(0).Sub(said)
	case before.Round(0).After(second):
		off = before.Round(0).Sub(second)
	}
	switch {
	case off.Abs() <= wrongClock:
		v.pass(Clock, v.partner, fmt.Sprintf("this machine's clock and the gateway's (%s) agree", said.UTC().Format(time.RFC3339)))
	case off < 0:
		v.fail(Clock, v.partner, fmt.Sprintf("this machine's clock is %v behind the gateway's", off.Abs().Round(time.Second)), setClock)
	default:
		v.fail(Clock, v.partner, fmt.Sprintf("this machine's clock is %v ahead of the gateway's", off.Round(time.Second)), setClock)
	}
}

const setClock = "set it right by an NTP client, with every worker stopped: with SQLite the pace is measured by it"

// accepted tells what Alipay has against the account.
func (v *visit) accepted(a alipay.Answer) {
	ids := []ID{Partner, Key, Charset, Origin}
	if !answered(a) {
		for _, id := range append(ids, Answer, QueryPermission) {
			v.skip(id, v.partner, v.broken)
		}
		return
	}
	if a.Outcome == alipay.AccountFault {
		v.refused(a, ids)
		return
	}
	if a.Code != "" && a.Outcome == alipay.Unknown { // a refusal with a wrong signature: from whom?
		for _, id := range ids {
			v.skip(id, v.partner, "the answer does not verify")
		}
	} else {
		v.pass(Partner, v.partner, v.partner+" is known at Alipay")
		v.pass(Key, v.partner, fmt.Sprintf("its signature (%s) is accepted", v.a.Credentials.SignType))
		v.pass(Charset, v.partner, string(v.a.Credentials.Charset)+" is accepted")
		v.pass(Origin, v.partner, "calls from this host are accepted")
	}
	v.answer(a)
	if v.status(Key, v.partner) == Passed {
		v.pass(QueryPermission, v.partner, "the account may query")
	} else {
		v.skip(QueryPermission, v.partner, "the answer does not verify")
	}
}

// refused names the one thing that a code is about. What Alipay would have looked at after it is not known.
func (v *visit) refused(a alipay.Answer, ids []ID) {
	culprit, do := blame(a.Code)
	for _, id := range append(ids, Answer, QueryPermission) {
		if id == culprit {
			v.fail(id, v.partner, "Alipay answers "+a.Code, do)
			continue
		}
		why := "not known: Alipay answers " + a.Code + ", see " + string(culprit)
		if id == Answer {
			why = "a refusal is not signed"
		}
		v.skip(id, v.partner, why)
	}
	if culprit != QueryPermission {
		v.broken = "Alipay refuses the account: " + a.Code
	}
}

// answer checks that answers verify (R1): that of a refusal is not signed.
func (v *visit) answer(a alipay.Answer) {
	switch {
	case a.Verified && a.Err == nil:
		v.pass(Answer, v.partner, "the answer's signature verifies")
	case a.Err != nil:
		v.fail(Answer, v.partner, oneLine(a.Err), "with RSA: is alipay_public_key_file Alipay's key, not the merchant's own? With MD5: somebody may be in the middle; do not ship before you know")
		v.broken = "the gateway's answers do not verify"
	default:
		v.skip(Answer, v.partner, "Alipay answers "+a.Code+", and a refusal is not signed; name a trade that exists (--trade-no)")
	}
}

// hold tells whether somebody, or a refusal, has stopped the account, and whether it is slowed.
func (v *visit) hold(ctx context.Context) {
	if v.book == nil {
		v.skip(Hold, v.partner, "there is no ledger to look at")
		return
	}
	account, err := v.book.Account(ctx, v.partner)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		v.pass(Hold, v.partner, "no worker has served the account yet, and nobody holds it")
	case err != nil:
		v.fail(Hold, v.partner, oneLine(err), "look at the ledger")
		v.block("the ledger cannot be read")
	case account.Hold != nil:
		v.fail(Hold, v.partner, fmt.Sprintf("on hold since %s: %s, %s", account.Hold.Since.In(beijing.Zone).Format("2006-01-02 15:04:05"), account.Hold.Code, account.Hold.Reason),
			"when its cause is gone: worker release "+v.partner)
		v.block("the account is on hold")
	case account.Slowed != nil:
		v.pass(Hold, v.partner, "nobody holds the account", fmt.Sprintf("it is slowed since %s (%s): Alipay is out of order for it, and workers only probe until it answers properly; "+
			"see docs/operations.md", account.Slowed.Since.In(beijing.Zone).Format("2006-01-02 15:04:05"), cmp.Or(account.Slowed.Code, "no answer that counts")))
	default:
		v.pass(Hold, v.partner, "nobody holds the account")
	}
}

// block notes why nothing may be shipped; the first reason stays.
func (v *visit) block(why string) {
	if v.broken == "" {
		v.broken = why
	}
}
