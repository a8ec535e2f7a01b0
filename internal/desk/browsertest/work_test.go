//go:build browser

package browsertest

import (
	"fmt"
	"testing"

	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// What support staff do all day: log in, find one case among a hundred thousand, read it, correct the waybill, send
// it again, and see it shipped.
func TestOneCaseAmongAHundredThousand(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 100_000, Dead: 1, Accounts: 3})
	s.startWorker()
	const n = 66_669 // of the first account, and died of a retry budget: the trade still waits
	trade, key := ledgertest.TradeNo(n), shipment.Key{Partner: ledgertest.Partner(n % 3), TradeNo: ledgertest.TradeNo(n)}
	if row := s.row(key); row.Reason != shipment.ReasonRetriesExhausted || key.Partner != ledgertest.Partner(0) {
		t.Fatalf("the case is another one: %+v", row)
	}
	w := s.window(operator, "zh-CN")
	w.visit("/dead")
	w.sees("100,000")
	w.fill("input[name=q]", fmt.Sprintf("ORD-%09d", n))
	w.click(".filters button.main")
	w.until(`document.querySelectorAll('tbody tr').length === 1`)
	w.click("tbody a.number")
	w.sees("重试超时")
	w.sees("等待卖家发货")
	w.openFold(`form[action$="/send"]`)
	w.fill(`form[action$="/send"] input[name=invoice_no]`, "SF9999999999")
	w.click(`form[action$="/send"] button`)
	w.sees("排队中")
	w.sees("SF" + fmt.Sprintf("%010d", n)) // the old waybill stays on record
	w.until(`document.querySelector('.casehead .state.shipped')`)
	w.sees("已发货")
	row := s.row(key)
	if row.State != shipment.Shipped || row.InvoiceNo != "SF9999999999" || row.Resent != 1 {
		t.Errorf("%+v", row)
	}
	calls, err := s.book.Calls(t.Context(), key)
	s.must(err)
	if last := calls[len(calls)-1]; last.Verdict != "succeeded" || last.Service != "send_goods_confirm_by_platform" {
		t.Errorf("%+v", last)
	}
	w.visit("/dead?q=" + trade)
	w.until(`document.querySelectorAll('tbody tr').length === 0`)
}

// Everything that matches, in two steps; what is shown is what is done; and a closing can be taken back.
func TestThreeThousandAtOnce(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 24_000, Dead: 1, Accounts: 3})
	w := s.window(operator, "en")
	w.visit("/dead?reason=trade_not_exist")
	w.sees("3,000")
	w.click("input[data-everything]")
	w.click(`button[name=act][value=close]`)
	w.fill("input[name=why]", "all of them belong to a shop that is closed")
	w.click("main form.fields button.main")
	w.until(`document.querySelector('form.confirm')`)
	w.sees("3,000")
	w.click("form.confirm button")
	w.until(`document.querySelector('form[action$="/undo"]')`)
	if n := s.count(shipment.Closed); n != 3000 {
		t.Errorf("%d are closed", n)
	}
	w.click(`form[action$="/undo"] button`)
	w.until(`document.querySelector('.notice.good') && !document.querySelector('progress') && !document.querySelector('form[action$="/undo"]')`)
	if n := s.count(shipment.Closed); n != 0 {
		t.Errorf("%d are still closed", n)
	}
	w.visit("/audit")
	w.sees("all of them belong to a shop that is closed")
}

// A viewer sees everything and is offered nothing; what he sends all the same is refused by the server.
func TestViewerOnlyLooks(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 80, Dead: 1, Accounts: 1})
	key := shipment.Key{Partner: ledgertest.Partner(0), TradeNo: ledgertest.TradeNo(5)}
	w := s.window(viewer, "en")
	for _, path := range []string{"/dead", "/dead/" + key.Partner + "/" + key.TradeNo, "/accounts"} {
		w.visit(path)
		if n := ask[int](w, `document.querySelectorAll('main form[method=post]').length`); n != 0 && path != "/dead" {
			t.Errorf("%s offers a viewer %d acts", path, n)
		}
	}
	before := s.row(key)
	status := askPromise[int](w, `fetch('/dead/`+key.Partner+`/`+key.TradeNo+`/close', {method: 'POST', body: new URLSearchParams({version: '`+
		fmt.Sprint(before.Version)+`', why: 'x'})}).then(r => r.status)`)
	if after := s.row(key); status != 403 || after.Version != before.Version {
		t.Errorf("answered %d, and the row went from version %d to %d", status, before.Version, after.Version)
	}
}

// Everything works without JavaScript, only less pleasantly.
func TestWithoutJavaScript(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 80, Dead: 1, Accounts: 1})
	key := shipment.Key{Partner: ledgertest.Partner(0), TradeNo: ledgertest.TradeNo(5)} // retries exhausted
	w := openWindow(t, s.base, "en")
	w.withoutScript()
	w.login(operator)
	w.visit("/dead?q=" + key.TradeNo)
	w.click("tbody a.number")
	w.until(`document.querySelector('.casehead')`)
	w.openFold(`form[action$="/send"]`)
	w.fill(`form[action$="/send"] input[name=logistics_name]`, "EMS & Co")
	w.click(`form[action$="/send"] button`)
	w.until(`document.querySelector('[aria-invalid=true]')`) // & cannot be signed; what was typed is still there
	w.fill(`form[action$="/send"] input[name=logistics_name]`, "EMS")
	w.click(`form[action$="/send"] button`)
	w.until(`document.querySelector('.casehead .state.queued')`)
	if row := s.row(key); row.State != shipment.Queued || row.LogisticsName != "EMS" {
		t.Errorf("%+v", row)
	}
	w.visit("/dead")
	w.click("tbody tr:nth-child(2) input[name=id]")
	w.click(`button[name=act][value=close]`)
	w.fill("input[name=why]", "refunded")
	w.click("main form.fields button.main")
	w.until(`document.querySelector('form.confirm')`)
	w.click("form.confirm button")
	w.until(`document.querySelector('footer') && !document.querySelector('form.confirm')`) // a visit now would break its own off
	for !ask[bool](w, `Boolean(document.querySelector('form[action$="/undo"]'))`) {
		w.visit(ask[string](w, `location.pathname`))
	}
	if n := s.count(shipment.Closed); n != 1 {
		t.Errorf("%d are closed", n)
	}
}

// The second person on a case is told who was faster, and nothing is done twice.
func TestTwoPeopleOnOneCase(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 80, Dead: 1, Accounts: 1})
	key := shipment.Key{Partner: ledgertest.Partner(0), TradeNo: ledgertest.TradeNo(5)}
	first, second := s.window(operator, "zh-CN"), s.window(other, "zh-CN")
	for _, w := range []*window{first, second} {
		w.visit("/dead/" + key.Partner + "/" + key.TradeNo)
		w.openFold(`form[action$="/send"]`)
	}
	first.click(`form[action$="/send"] button`)
	first.until(`document.querySelector('.casehead .state.queued')`)
	second.click(`form[action$="/send"] button`)
	second.sees(operator)
	second.until(`!document.querySelector('form[action$="/send"]')`)
	if row := s.row(key); row.Resent != 1 {
		t.Errorf("sent again %d times", row.Resent)
	}
}

// openFold opens the fold that holds an element.
func (w *window) openFold(selector string) {
	w.t.Helper()
	w.until(`document.querySelector(` + quoted(selector) + `)`)
	ask[bool](w, `(() => { const fold = document.querySelector(`+quoted(selector)+`).closest('details'); if (fold) fold.open = true; return true })()`)
}

func (s *stage) row(k shipment.Key) ledger.Row {
	s.t.Helper()
	r, err := s.book.Get(s.t.Context(), k)
	s.must(err)
	return r
}

func (s *stage) count(state shipment.State) int64 {
	s.t.Helper()
	counts, err := s.book.Counts(s.t.Context(), ledger.Scope{})
	s.must(err)
	return counts[state]
}
