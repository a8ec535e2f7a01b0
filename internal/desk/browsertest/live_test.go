//go:build browser

package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// The list of dead letters is read again by itself, but not under the hands of somebody who picks or types, and
// what has the focus keeps it.
func TestTheListOfDeadLettersIsLive(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 80, Dead: 1, Accounts: 1})
	w := s.window(operator, "en")
	w.holdClock()
	w.visit("/dead")
	listed := func(trade string) bool { return ask[bool](w, `document.body.innerText.includes(`+quoted(trade)+`)`) }
	focus := func(selector string) { ask[bool](w, `(document.querySelector(`+quoted(selector)+`).focus(), true)`) }
	ask[bool](w, `(window.unread = true)`)

	focus("tbody tr:nth-child(2) a.number")
	focused := ask[string](w, `document.activeElement.href`)
	trade := s.die(1)
	w.tick()
	if !listed(trade) || ask[string](w, `document.activeElement.href`) != focused {
		t.Errorf("listed: %v; the focus went from %s to %s", listed(trade), focused, ask[string](w, `document.activeElement.outerHTML`))
	}

	ask[bool](w, `(document.querySelector('tbody input[name=id]').click(), true)`)
	trade = s.die(2)
	w.tick()
	if listed(trade) || !ask[bool](w, `document.querySelector('tbody input[name=id]').checked`) {
		t.Error("the list changed under somebody who picks")
	}
	ask[bool](w, `(document.querySelector('tbody input[name=id]').click(), true)`)
	w.tick()
	if !listed(trade) {
		t.Error("nothing is picked any more, and the list stays old")
	}

	w.fill("input[name=q]", "SF00")
	trade = s.die(3)
	w.tick()
	if listed(trade) || ask[string](w, `document.querySelector('input[name=q]').value`) != "SF00" {
		t.Error("the list changed under somebody who types")
	}
	ask[bool](w, `(document.querySelector('input[name=q]').value = '', true)`)
	ask[bool](w, `(document.querySelector('select[name=reason]').selectedIndex = 2, true)`)
	w.tick()
	if listed(trade) {
		t.Error("the list changed under somebody who chooses a reason")
	}
	ask[bool](w, `(document.querySelector('select[name=reason]').selectedIndex = 0, true)`)
	focus("input[name=q]")
	w.tick()
	if !listed(trade) || !ask[bool](w, `document.activeElement.name === 'q'`) || !ask[bool](w, `window.unread`) {
		t.Error("a field that has the focus and nothing in it keeps the list old or loses it")
	}
}

// die has one more shipment die.
func (s *stage) die(n int) (trade string) {
	s.t.Helper()
	v := shipment.Shipment{
		Partner: ledgertest.Partner(0), TradeNo: ledgertest.TradeNo(1000 + n), LogisticsName: "EMS", InvoiceNo: "E1", TransportType: shipment.TransportExpress,
	}
	_, err := s.book.Accept(s.t.Context(), []shipment.Shipment{v}, ledger.AcceptOptions{Actor: "test"})
	s.must(err)
	_, err = s.book.Settle(s.t.Context(), s.row(v.Key()), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist}, "worker")
	s.must(err)
	return v.TradeNo
}

// holdClock keeps pages from doing by themselves what they do after a second or later: it is for tick to do.
func (w *window) holdClock() {
	w.t.Helper()
	w.call("hold the clock", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `{ const soon = setTimeout; window.setTimeout = (f, ms) => ms >= 1000 ? (window.due = f, 0) : soon(f, ms) }`,
		})
		return err
	})
}

// tick has the page do what it would do after a while, and waits until it is done.
func (w *window) tick() {
	w.t.Helper()
	w.until(`window.due`)
	askPromise[bool](w, `(async () => { const f = window.due; window.due = null; await f(); return true })()`)
}
