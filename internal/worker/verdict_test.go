package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fahuo/internal/alipay"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// What Alipay may say: every code of its table with one that is not in it, and every status with one that
// is new.
var (
	everyCode   = append(alipay.Codes(), "NEVER_HEARD_OF")
	everyStatus = strings.Fields(`WAIT_SELLER_SEND_GOODS COD_WAIT_SELLER_SEND_GOODS WAIT_BUYER_CONFIRM_GOODS COD_WAIT_BUYER_PAY
		WAIT_SYS_PAY_SELLER COD_WAIT_SYS_PAY_SELLER TRADE_FINISHED TRADE_CLOSED WAIT_BUYER_PAY WAIT_SYS_CONFIRM_PAY TRADE_SUCCESS
		TRADE_PENDING TRADE_REFUSE TRADE_REFUSE_DEALING TRADE_CANCEL BUYER_PRE_AUTH SOMETHING_NEW`)
)

// everyAnswer is one of each; shipped answers are added for ship calls alone.
func everyAnswer() []alipay.Answer {
	all := []alipay.Answer{{}, {Err: errors.New("timeout")}, {Unverified: true, Err: errors.New("the signature is wrong")}, {Outcome: alipay.Succeeded, Verified: true}}
	for _, code := range everyCode {
		all = append(all, alipay.Answer{Outcome: alipay.Classify(code), Code: code})
	}
	for _, status := range everyStatus {
		all = append(all, alipay.Answer{Outcome: alipay.Succeeded, Verified: true, TradeStatus: status})
	}
	return all
}

// everyFacts is every row of what a decision looks at.
func everyFacts() (all []facts) {
	for bits := range 1 << 6 {
		for failures := range int64(2) {
			row := ledger.Row{State: shipment.Queued, Doubt: bits&1 > 0, Holds: int64(bits >> 1 & 1), SentAttempts: int64(bits >> 2 & 1), Failures: failures}
			if bits&8 > 0 {
				row.UnlistedCode = "ODD"
			}
			if others := bits&32 > 0; !others || row.Holds > 0 {
				all = append(all, facts{Row: row, BudgetOver: bits&16 > 0, Delay: time.Minute, OthersPass: others})
			}
		}
	}
	return all
}

// waits tells whether an answer proves that the trade is still to be shipped.
func waits(a alipay.Answer) bool {
	return a.Outcome == alipay.Succeeded && alipay.StateOf(a.TradeStatus) == alipay.Shippable
}

// Every answer on every row: a decision that the state machine allows, nothing called again in doubt, and
// nothing called exhausted of which nobody knows whether it was shipped.
func TestEveryVerdictOfAQuery(t *testing.T) {
	for _, f := range everyFacts() {
		for _, a := range everyAnswer() {
			act, m := afterQuery(f, a)
			fail := func(why string) {
				t.Errorf("%s: %+v, budget over %v, answered by %v %s %s: %v %+v", why, f.Row, f.BudgetOver, a.Outcome, a.Code, a.TradeStatus, act, m)
			}
			settled := a.Outcome == alipay.Succeeded && a.TradeStatus != ""
			switch {
			case act == actCall && m.To != "", act == actBack && !shipment.Queued.CanBecome(m.To), m.To == shipment.Calling:
				fail("no such arrow")
			case (m.To == shipment.Dead) != (m.Reason != ""):
				fail("dead without a reason, or a reason without death")
			case act == actCall && f.Row.Doubt && !waits(a):
				fail("called a second time in doubt")
			case act == actCall && f.Row.UnlistedCode != "" && waits(a):
				fail("called again after a code that nobody knows")
			case act == actCall && a.Code == alipay.CodeTradeNotExist, act == actCall && settled && !waits(a):
				fail("called though Alipay has said no")
			case m.Reason == shipment.ReasonRetriesExhausted && !waits(a):
				fail("exhausted while in doubt")
			case m.Reason == shipment.ReasonAlreadyShipped && f.Row.SentAttempts > 0:
				fail("shipped by somebody else, though we called")
			case m.To == shipment.Shipped && (f.Row.SentAttempts == 0 || alipay.StateOf(a.TradeStatus) != alipay.AlreadyShipped || a.Outcome != alipay.Succeeded):
				fail("shipped without proof")
			case m.To == shipment.Queued && m.Doubt != f.Row.Doubt, m.To == shipment.Queued && m.UnlistedCode != f.Row.UnlistedCode:
				fail("what is in doubt is forgotten, or made up")
			case m.To == shipment.Queued && !m.HoldAccount && (!m.Failed || m.Delay <= 0):
				fail("back in line at once, for ever")
			case m.HoldAccount && (a.Outcome != alipay.AccountFault || a.Code == alipay.CodeMayNotUse || f.OthersPass):
				fail("an account is held for nothing")
			case f.Row.Doubt && m.To == shipment.Dead && !settled && a.Code != alipay.CodeTradeNotExist && m.Reason != shipment.ReasonOutcomeUnknown:
				fail("died in doubt of something that is not known")
			case m.To != "" && m.Detail == "":
				fail("nothing for the history")
			}
		}
	}
}

func TestEveryVerdictOfAShipCall(t *testing.T) {
	for _, f := range everyFacts() {
		f.Row.State = shipment.Calling
		for _, a := range everyAnswer() {
			if a.Outcome == alipay.Succeeded && alipay.StateOf(a.TradeStatus) != alipay.AlreadyShipped {
				continue // ParseShipAnswer makes no such answer
			}
			m := afterShip(f, a)
			fail := func(why string) {
				t.Errorf("%s: %+v, answered by %v %s %s: %+v", why, f.Row, a.Outcome, a.Code, a.TradeStatus, m)
			}
			unknown := a.Outcome == alipay.Unknown || a.Outcome == alipay.UnlistedCode
			switch {
			case m.To != shipment.Calling && !shipment.Calling.CanBecome(m.To):
				fail("no such arrow")
			case (m.To == shipment.Dead) != (m.Reason != ""):
				fail("dead without a reason, or a reason without death")
			case unknown != (m.To == shipment.Calling), unknown && !m.Doubt, unknown && m.Failed:
				fail("what is unknown waits for its fence, in doubt, and for nothing else")
			case (m.To == shipment.Shipped) != (a.Outcome == alipay.Succeeded):
				fail("shipped exactly by a success")
			case m.Reason == shipment.ReasonRetriesExhausted, m.Reason == shipment.ReasonOutcomeUnknown:
				fail("given up without asking")
			case m.Bar != (a.Outcome == alipay.OutOfStep):
				fail("barred exactly for TRADE_STATUS_NOT_AVAILD (C1)")
			case (a.Outcome == alipay.Busy) != m.Failed, m.Failed && (m.Delay <= 0 || !m.Doubt):
				fail("busy: again after a delay, and asked before (C2)")
			case m.HoldAccount != (a.Outcome == alipay.AccountFault && !f.OthersPass):
				fail("held exactly for the account's sake, and for no shipment's while others pass (A1)")
			case (m.UnlistedCode != "") != (a.Outcome == alipay.UnlistedCode):
				fail("a code that nobody knows is kept, and no other")
			case m.Detail == "":
				fail("nothing for the history")
			}
		}
	}
}

// world is one trade at Alipay and its row here, moved as the ledger moves it.
type world struct {
	row     ledger.Row
	shipped bool // at Alipay
}

func (w *world) move(m ledger.Move) {
	w.row.State, w.row.Doubt, w.row.UnlistedCode = m.To, m.Doubt, m.UnlistedCode
	if m.Failed {
		w.row.Failures++
	}
	if m.HoldAccount {
		w.row.Holds++
	}
}

// query answers truthfully or not at all.
func (w *world) query(t *rapid.T) alipay.Answer {
	if rapid.Bool().Draw(t, "query fails") {
		code := rapid.SampledFrom(append(everyCode, "")).Filter(func(code string) bool { return code != alipay.CodeTradeNotExist }).Draw(t, "query code")
		return alipay.Answer{Outcome: alipay.Classify(code), Code: code}
	}
	status := "WAIT_SELLER_SEND_GOODS"
	if w.shipped {
		status = "WAIT_BUYER_CONFIRM_GOODS"
	}
	return alipay.Answer{Outcome: alipay.Succeeded, Verified: true, TradeStatus: status}
}

// ship makes a call, which may take effect and may be answered, whatever is left of the answer.
func (w *world) ship(t *rapid.T) alipay.Answer {
	w.row.SentAttempts++
	code := rapid.SampledFrom(append(everyCode, "", "T")).Draw(t, "ship code")
	outcome := alipay.Classify(code)
	switch {
	case code == "T":
		w.shipped = true
		return alipay.Answer{Outcome: alipay.Succeeded, Verified: true, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}
	case outcome == alipay.Unknown, outcome == alipay.Busy, outcome == alipay.UnlistedCode:
		w.shipped = w.shipped || rapid.Bool().Draw(t, "took effect")
	}
	return alipay.Answer{Outcome: outcome, Code: code}
}

// Whatever Alipay answers, and whatever takes effect unseen: a trade that was shipped is never called again,
// it never dies as if it had not been, and every way ends.
func TestNoWayLeadsToASecondShipping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{row: ledger.Row{State: shipment.Queued}}
		budget := rapid.Int64Range(0, 4).Draw(t, "budget")
		for steps := 0; w.row.State == shipment.Queued; steps++ {
			if steps > 30 {
				t.Fatalf("no end of it: %+v", w.row)
			}
			f := facts{Row: w.row, BudgetOver: w.row.Failures > budget, Delay: time.Minute, OthersPass: w.row.Holds > 0}
			act, m := afterQuery(f, w.query(t))
			if act == actBack {
				checkEnd(t, w, m)
				w.move(m)
				continue
			}
			if w.shipped {
				t.Fatalf("called again after it was shipped: %+v", w.row)
			}
			m = afterShip(f, w.ship(t))
			checkEnd(t, w, m)
			w.move(m)
			if w.row.State == shipment.Calling { // its fence passes, and it is taken over
				w.row.State = shipment.Queued
				w.row.Failures++
			}
		}
	})
}

// checkEnd demands that what is shipped does not die of a reason that denies it.
func checkEnd(t *rapid.T, w *world, m ledger.Move) {
	if m.To == shipment.Shipped && !w.shipped {
		t.Fatalf("said to be shipped, and is not: %+v", m)
	}
	if m.To == shipment.Dead && w.shipped && m.Reason != shipment.ReasonOutcomeUnknown {
		t.Fatalf("shipped, and dead of %s", m.Reason)
	}
}
