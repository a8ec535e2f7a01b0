//go:build browser

package browsertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/shipment"
)

// clerksFile is a file with three good rows and a bad one, for the first account; its rows are named after word.
func (s *stage) clerksFile(word string) string {
	s.t.Helper()
	rows := "交易号,物流公司,运单号,商户号,订单号,备注\n"
	for _, n := range []string{"1", "2", "3"} {
		rows += "20261126" + strings.Repeat("0", 16) + map[string]string{"look": "777", "with": "888", "without": "999"}[word] + n + ",顺丰速运,SF" + n + "," + ledgertest.Partner(0) + "," + word + ",x\n"
	}
	rows += "12,顺丰速运,SF9," + ledgertest.Partner(0) + ",,x\n"
	path := filepath.Join(s.dir, "仓库-"+word+".csv")
	s.must(os.WriteFile(path, []byte(rows), 0o600))
	return path
}

// upload hands a file over and waits for the dry run.
func (w *window) upload(path string) {
	w.t.Helper()
	w.visit("/import")
	w.do("choose a file", chromedp.SetUploadFiles(`input[type=file]`, []string{path}))
	w.click("form[action='/import'] button.main")
	w.until(`document.querySelector('[data-count=accepted]')`)
}

// A clerk chooses a file, sees what would become of it, confirms, and sees the batch; with and without JavaScript.
func TestImport(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 10, Accounts: 1})
	for _, word := range []string{"with", "without"} {
		before := s.count(shipment.Queued)
		w := openWindow(t, s.base, "zh-CN")
		if word == "without" {
			w.withoutScript()
		}
		w.login(operator)
		w.click(`nav a[href="/import"]`)
		w.until(`document.querySelector('input[type=file]')`)
		w.upload(s.clerksFile(word))
		w.sees("目前还没有排队")
		w.sees("支付宝交易号为 16 至 64 位")
		if n := s.count(shipment.Queued); n != before {
			t.Errorf("%d were queued before it was confirmed", n-before)
		}
		w.click("form.confirm button.main")
		w.sees("已导入 3 行")
		if n := s.count(shipment.Queued); n != before+3 {
			t.Errorf("%d were queued", n-before)
		}
		w.click(`a.button.main[href^="/batches?name="]`)
		w.until(`location.pathname === '/batches'`)
		w.sees("仓库")
	}
}
