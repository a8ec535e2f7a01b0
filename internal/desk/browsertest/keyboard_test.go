//go:build browser

package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// A keyboard is enough for a day's work: to log in, to find a case and send it again corrected, to find another and
// close it with a reason.
func TestKeyboardOnly(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 2_000, Dead: 1, Accounts: 3})
	w := openWindow(t, s.base, "en")
	w.visit("/login")
	w.until(`document.activeElement.name === 'name'`)
	w.keys(operator + kb.Tab + password + kb.Enter)
	w.until(`document.querySelector('.user')`)

	again, refunded := numbered(1245), numbered(1253) // whose trades still wait
	w.open(again.TradeNo)
	w.unfold("send")
	w.tabTo(`document.activeElement.name === 'invoice_no'`) // with its text picked, as a browser does
	w.keys("SF9999999999")
	w.tabTo(`document.activeElement.matches('form[action$="/send"] button')`)
	w.keys(kb.Enter)
	w.until(`document.querySelector('.casehead .state.queued')`)
	if row := s.row(again); row.State != shipment.Queued || row.InvoiceNo != "SF9999999999" || row.Resent != 1 {
		t.Errorf("%+v", row)
	}

	w.open(refunded.TradeNo)
	w.unfold("close")
	w.tabTo(`document.activeElement.name === 'why'`)
	w.keys("refunded by hand")
	w.tabTo(`document.activeElement.matches('form[action$="/close"] button')`)
	w.keys(" ") // a button takes the space bar, too
	w.until(`document.querySelector('.casehead .state.closed')`)
	lines, err := s.book.Audit(t.Context(), ledger.AuditFilter{TradeNo: refunded.TradeNo}, 2)
	s.must(err)
	if len(lines) != 1 || lines[0].Act != ledger.ActClose || lines[0].Detail != "refunded by hand" || lines[0].Actor != operator {
		t.Errorf("%+v", lines)
	}
}

// numbered is the n-th shipment of a ledger with three accounts.
func numbered(n int) shipment.Key {
	return shipment.Key{Partner: ledgertest.Partner(n % 3), TradeNo: ledgertest.TradeNo(n)}
}

// open goes to the dead letters, looks for a trade by its last digits, and opens the case.
func (w *window) open(trade string) {
	w.t.Helper()
	w.tabTo(`document.activeElement.getAttribute('href') === '/dead'`)
	w.keys(kb.Enter)
	w.until(`location.pathname === '/dead' && document.readyState === 'complete'`)
	w.tabTo(`document.activeElement.name === 'q'`)
	w.keys(trade[len(trade)-6:] + kb.Enter)
	w.until(`location.search.includes('q=') && document.querySelectorAll('tbody tr').length > 0`)
	w.tabTo(`document.activeElement.textContent === ` + quoted(trade))
	w.keys(kb.Enter)
	w.until(`location.pathname.endsWith(` + quoted(trade) + `) && document.readyState === 'complete'`)
}

// unfold opens the fold of an act on a case, unless it is open.
func (w *window) unfold(act string) {
	w.t.Helper()
	form := quoted(`form[action$="/` + act + `"]`)
	w.tabTo(`document.activeElement.matches('summary') && document.activeElement.parentElement.querySelector(` + form + `)`)
	if !ask[bool](w, `document.activeElement.parentElement.open`) {
		w.keys(kb.Enter)
	}
	w.until(`document.activeElement.parentElement.open`)
}

// tabTo presses the tab key until a condition holds.
func (w *window) tabTo(condition string) {
	w.t.Helper()
	for range 200 {
		if ask[bool](w, `Boolean(`+condition+`)`) {
			return
		}
		w.keys(kb.Tab)
	}
	w.t.Fatalf("the tab key does not lead to %s\n%s", condition, w.seen())
}
