//go:build browser

package browsertest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

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
