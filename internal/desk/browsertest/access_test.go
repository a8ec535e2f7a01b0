//go:build browser

package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"fahuo/internal/ledger/ledgertest"
)

// pages are all that a person can come to, with a name for the picture.
func pages() map[string]string {
	dead := "/" + ledgertest.Partner(1) + "/" + ledgertest.TradeNo(10_001)
	return map[string]string{
		"overview": "/", "dead": "/dead", "dead-narrowed": "/dead?reason=outcome_unknown&assignee=-", "dead-none": "/dead?q=nothing",
		"case": "/dead" + dead, "shipments": "/shipments", "shipments-found": "/shipments?q=ORD-0000000", "shipment": "/shipments" + dead,
		"batches": "/batches", "accounts": "/accounts", "audit": "/audit", "failure": "/nowhere",
	}
}

// Every page, in both languages, wide and narrow: nothing is cut or overlaps, and axe-core finds no serious fault.
func TestEveryPage(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 20_000, Dead: 1, Queued: 100, Accounts: 3})
	for _, language := range []string{"zh-CN", "en"} {
		t.Run(language, func(t *testing.T) {
			w := openWindow(t, s.base, language)
			w.visit("/login")
			w.picture(language+"-login", 1280)
			w.picture(language+"-login", 390)
			w.accessible("login")
			w.login(operator)
			for name, path := range pages() {
				for _, width := range []int{1280, 390} {
					w.resize(width)
					w.visit(path)
					w.picture(language+"-"+name, width)
					w.accessible(fmt.Sprintf("%s at %d", name, width))
				}
			}
		})
	}
}

// axe is axe-core, as npm has it.
var axe = filepath.Join(root, ".cache", "axe", "node_modules", "axe-core", "axe.min.js")

// accessible reports what axe-core calls serious or critical.
func (w *window) accessible(page string) {
	w.t.Helper()
	script, err := os.ReadFile(axe)
	if err != nil {
		w.t.Fatalf("axe-core is missing; make test-browser installs it: %v", err)
	}
	ask[bool](w, string(script)+`; true`)
	text := askPromise[string](w, `axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations
		.filter(v => v.impact === 'serious' || v.impact === 'critical')
		.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html + ' ' + n.failureSummary)}))))`)
	var faults []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	if err := json.Unmarshal([]byte(text), &faults); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range faults {
		w.t.Errorf("%s: %s (%s): %s\n%s", page, f.ID, f.Impact, f.Help, f.Nodes)
	}
}

// askPromise is ask for an expression that is a promise.
func askPromise[T any](w *window, expression string) T {
	w.t.Helper()
	var v T
	w.call("evaluate a promise", func(ctx context.Context) (err error) {
		v, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		return err
	})
	return v
}

// A keyboard is enough: to log in, to find one case, and to open it.
func TestKeyboardOnly(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 2_000, Dead: 1, Accounts: 3})
	w := openWindow(t, s.base, "en")
	w.visit("/login")
	w.until(`document.activeElement.name === 'name'`)
	w.keys(operator + kb.Tab + password + kb.Enter)
	w.until(`document.querySelector('.user')`)
	w.tabTo(`document.activeElement.getAttribute('href') === '/dead'`)
	w.keys(kb.Enter)
	w.until(`location.pathname === '/dead'`)
	w.tabTo(`document.activeElement.name === 'q'`)
	trade := ledgertest.TradeNo(1234)
	w.keys(trade[len(trade)-6:] + kb.Enter)
	w.until(`location.search.includes('q=') && document.querySelectorAll('tbody tr').length > 0`)
	w.tabTo(`document.activeElement.textContent === ` + quoted(trade))
	w.keys(kb.Enter)
	w.until(`location.pathname.endsWith(` + quoted(trade) + `)`)
}

// tabTo presses the tab key until a condition holds.
func (w *window) tabTo(condition string) {
	w.t.Helper()
	for range 200 {
		if ask[bool](w, condition) {
			return
		}
		w.keys(kb.Tab)
	}
	w.t.Fatalf("the tab key does not lead to %s\n%s", condition, w.seen())
}
