//go:build browser

package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// chromium is the one browser of all tests; each test has a profile of its own in it.
var chromium context.Context

// startChromium starts the browser; it ends with the returned function.
func startChromium() (stop func(), err error) {
	program, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("chromium is missing; make test-browser installs it (or: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WSURLReadTimeout(2*time.Minute),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-gpu", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, cancelBrowser := chromedp.NewContext(allocator)
	chromium = browser
	if err := chromedp.Do(browser); err != nil {
		cancelBrowser()
		cancelAllocator()
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	return func() { cancelBrowser(); cancelAllocator() }, nil
}

// window is one person's browser window.
type window struct {
	t    testing.TB
	ctx  context.Context
	base string
}

// patience is how long anything may take that a person waits for. It is for a busy machine; no test measures it.
const patience = 90 * time.Second

// open opens a window with a profile of its own, for a reader of the given language.
func openWindow(t testing.TB, base, language string) *window {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	w := &window{t: t, ctx: ctx, base: base}
	if err := chromedp.Do(ctx); err != nil { // the window's life is that of the context in which it is made
		t.Fatalf("open a window: %v", err)
	}
	w.do("open a window", chromedp.EmulateViewport(1280, 900))
	w.call("set the language", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
		if err == nil {
			_, err = chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
		}
		return err
	})
	return w
}

func (w *window) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	w.call(what, func(ctx context.Context) error { return chromedp.Do(ctx, steps...) })
}

func (w *window) call(what string, f func(context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := f(ctx); err != nil {
		w.t.Fatalf("%s: %v\n%s", what, err, w.seen())
	}
}

// withoutScript is a browser that runs no JavaScript.
func (w *window) withoutScript() {
	w.t.Helper()
	w.call("switch scripts off", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

// resize makes the window so wide.
func (w *window) resize(width int) {
	w.t.Helper()
	w.do("resize", chromedp.EmulateViewport(int64(width), 900))
}

// visit goes to a path.
func (w *window) visit(path string) {
	w.t.Helper()
	w.visitAt(w.base, path)
}

// visitAt goes to a path of another desk.
func (w *window) visitAt(base, path string) {
	w.t.Helper()
	w.do("visit "+path, chromedp.Navigate(base+path), chromedp.WaitReady("footer"))
}

// ask evaluates an expression in the page.
func ask[T any](w *window, expression string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", expression, err, w.seen())
	}
	return v
}

// until waits until an expression is true; pages may come and go meanwhile.
func (w *window) until(expression string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`)); err == nil && ok {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			w.t.Fatalf("in vain waited for %s\n%s", expression, w.seen())
		}
	}
}

// sees waits until the page shows a text.
func (w *window) sees(text string) {
	w.t.Helper()
	w.until(`document.body && document.body.innerText.includes(` + quoted(text) + `)`)
}

// seen is what the page shows, for a test that fails.
func (w *window) seen() string {
	ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text[:min(len(text), 3000)]
}

// click clicks the first element that a selector finds, and waits for nothing.
func (w *window) click(selector string) {
	w.t.Helper()
	w.do("click "+selector, chromedp.Click(selector, chromedp.NodeVisible))
}

// fill sets a field to a text, by typing.
func (w *window) fill(selector, text string) {
	w.t.Helper()
	w.do("fill "+selector, chromedp.Clear(selector), chromedp.SendKeys(selector, text))
}

// send posts a form, as a page of the desk would.
func (w *window) send(path string, fields url.Values) {
	w.t.Helper()
	values, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err) // texts
	}
	ask[bool](w, `(() => {
		const form = document.createElement('form')
		form.method = 'post'
		form.action = `+quoted(path)+`
		form.id = 'sent'
		for (const [name, all] of Object.entries(`+string(values)+`)) for (const value of all) {
			const field = document.createElement('input')
			field.type = 'hidden'
			field.name = name
			field.value = value
			form.append(field)
		}
		document.body.append(form)
		form.submit()
		return true
	})()`)
	w.until(`document.readyState === 'complete' && document.querySelector('footer') && !document.getElementById('sent')`)
}

// keys types keys into whatever has the focus.
func (w *window) keys(keys string) {
	w.t.Helper()
	w.do("type", chromedp.KeyEvent(keys))
}

// screenshots is where pictures go.
var screenshots = filepath.Join(root, ".cache", "screenshots")

// picture keeps what a page looks like, whole, and reports what does not fit the window's width.
func (w *window) picture(name string, width int) {
	w.t.Helper()
	w.resize(width)
	if wide := ask[int](w, `document.documentElement.scrollWidth`); wide > width {
		w.t.Errorf("%s: %d pixels wide in a window of %d", name, wide, width)
	}
	// A table that is wider than its frame hides columns, and a picture does not even show that one could scroll.
	hidden := `[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel).join()`
	if tables := ask[string](w, hidden); tables != "" {
		w.t.Errorf("%s: columns are cut at %d pixels: %s", name, width, tables)
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.MkdirAll(screenshots, 0o750); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(screenshots, fmt.Sprintf("%s-%d.png", name, width)), png, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// login logs somebody in by the form.
func (w *window) login(name string) {
	w.t.Helper()
	w.visit("/login")
	w.fill("input[name=name]", name)
	w.fill("input[name=password]", password)
	w.do("log in", chromedp.Submit("input[name=password]"))
	w.until(`document.querySelector('.user')`)
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}
