//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"fahuo/internal/ledger/ledgertest"
)

// Every page, in both languages, wide and narrow, light and dark: nothing is cut or overlaps, and axe-core finds no
// serious fault. What a page looks like in the dark differs by colours alone, so it is looked at once.
func TestEveryPage(t *testing.T) {
	s := set(t, ledgertest.Shape{Shipments: 12_000, Dead: 1, Queued: 100, Accounts: 3})
	all := s.places()
	templates, err := filepath.Glob(filepath.Join(root, "internal", "desk", "templates", "[a-z]*.html"))
	s.must(err)
	for _, template := range templates {
		page := strings.TrimSuffix(filepath.Base(template), ".html")
		if !slices.ContainsFunc(all, func(p place) bool { return p.page == page }) {
			t.Errorf("nobody looks at the page %q", page)
		}
	}
	s.must(os.RemoveAll(screenshots)) // of pages that are no more
	for _, language := range []string{"zh-CN", "en"} {
		t.Run(language, func(t *testing.T) {
			w := openWindow(t, s.base, language)
			w.visit("/login")
			w.look(language+"-login", 390)
			w.look(language+"-login", 1280)
			w.login(operator)
			for _, p := range all {
				for _, width := range []int{390, 1280} {
					w.resize(width)
					leave := p.come(w)
					w.look(language+"-"+p.name, width)
					leave()
				}
			}
		})
	}
}

// look takes a picture of where the window is, and has axe-core look at it: at the wide one in the dark, too.
func (w *window) look(name string, width int) {
	w.t.Helper()
	w.picture(name, width)
	w.accessible(fmt.Sprintf("%s at %d", name, width))
	if width < 1000 {
		return
	}
	w.dark(true)
	w.accessible(name + " in the dark")
	if strings.HasPrefix(name, "zh") {
		w.picture(name+"-dark", width)
	}
	w.dark(false)
}

// dark makes the reader one who likes it dark.
func (w *window) dark(on bool) {
	w.t.Helper()
	scheme := "light"
	if on {
		scheme = "dark"
	}
	w.call("set the colours", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
