package desk_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fahuo/internal/shipment"
)

// browser is somebody at the desk.
type browser struct {
	*site
	client *http.Client
	lang   string
}

// visitor is nobody yet.
func (s *site) visitor(lang string) *browser {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{s, &http.Client{
		Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, lang}
}

// as logs somebody in.
func (s *site) as(name, lang string) *browser {
	s.t.Helper()
	b := s.visitor(lang)
	if p := b.post("/login", url.Values{"name": {name}, "password": {password}}); p.status != http.StatusSeeOther {
		s.t.Fatalf("logging in as %s: %d", name, p.status)
	}
	return b
}

// page is an answer of the desk.
type page struct {
	t        *testing.T
	status   int
	header   http.Header
	location string
	body     string
	parsed   *html.Node // by root
}

func (b *browser) do(method, path string, form url.Values, headers ...http.Header) *page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	must(b.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", b.lang)
	for _, h := range headers {
		maps.Copy(r.Header, h)
	}
	answer, err := b.client.Do(r)
	must(b.t, err)
	body, err := io.ReadAll(answer.Body)
	must(b.t, err)
	must(b.t, answer.Body.Close())
	if answer.StatusCode == http.StatusInternalServerError {
		b.t.Fatalf("%s %s: 500\n%s", method, path, b.log)
	}
	return &page{t: b.t, status: answer.StatusCode, header: answer.Header, location: answer.Header.Get("Location"), body: string(body)}
}

// root is the page as a browser takes it.
func (p *page) root() *html.Node {
	p.t.Helper()
	if p.parsed == nil {
		var err error
		p.parsed, err = html.Parse(strings.NewReader(p.body))
		must(p.t, err)
	}
	return p.parsed
}

func (b *browser) get(path string) *page { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) *page {
	b.t.Helper()
	return b.do(http.MethodPost, path, form)
}

// look reads a page that has to be there, with every sentence of it.
func (b *browser) look(path string) *page {
	b.t.Helper()
	p := b.get(path)
	p.want(http.StatusOK)
	p.saysNot("⟨", "%!", "ZgotmplZ")
	return p
}

// follow goes where an answer sends the browser.
func (b *browser) follow(p *page) *page {
	b.t.Helper()
	p.want(http.StatusSeeOther)
	return b.look(p.location)
}

// form is what the form with this action holds; nil when there is none.
func (p *page) form(action string) url.Values {
	form := p.find(func(n *html.Node) bool { return n.Data == "form" && attr(n, "action") == action })
	if form == nil {
		return nil
	}
	values := make(url.Values)
	for n := range form.Descendants() {
		name := attr(n, "name")
		switch n.Data {
		case "input":
			if kind := attr(n, "type"); kind != "checkbox" || has(n, "checked") {
				values.Add(name, attr(n, "value"))
			}
		case "textarea":
			values.Add(name, text(n))
		case "select":
			values.Add(name, "")
			for o := range n.Descendants() {
				if o.Data == "option" && (has(o, "selected") || values.Get(name) == "") {
					values.Set(name, attr(o, "value"))
				}
			}
		}
	}
	return values
}

// submit sends a form of a page with some of its fields filled in: name, value, name, value.
func (b *browser) submit(p *page, action string, fields ...string) *page {
	b.t.Helper()
	form := p.form(action)
	if form == nil {
		b.t.Fatalf("there is no form for %s in\n%s", action, p.body)
	}
	for pair := range slices.Chunk(fields, 2) {
		form.Set(pair[0], pair[1])
	}
	return b.post(action, form)
}

func (p *page) find(is func(*html.Node) bool) *html.Node {
	for n := range p.root().Descendants() {
		if n.Type == html.ElementNode && is(n) {
			return n
		}
	}
	return nil
}

func (p *page) text() string { return text(p.root()) }

func (p *page) want(status int) {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("%d, want %d: %s", p.status, status, p.text())
	}
}

// says that a page shows all of these.
func (p *page) says(all ...string) {
	p.t.Helper()
	shown := p.text()
	for _, s := range all {
		if !strings.Contains(shown, s) {
			p.t.Errorf("does not say %q:\n%s", s, shown)
		}
	}
}

// holds is says for what is no text: the answer as it came.
func (p *page) holds(all ...string) {
	p.t.Helper()
	for _, s := range all {
		if !strings.Contains(p.body, s) {
			p.t.Errorf("does not hold %q:\n%s", s, p.text())
		}
	}
}

// saysNot says that none of these is anywhere in the answer.
func (p *page) saysNot(all ...string) {
	p.t.Helper()
	for _, s := range all {
		if strings.Contains(p.body, s) {
			p.t.Errorf("says %q:\n%s", s, p.body)
		}
	}
}

func attr(n *html.Node, name string) string {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text is what a person reads of a node: without scripts, blanks folded.
func text(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "script" && d.Parent.Data != "style" {
			out.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// casePath is the address of a case.
func casePath(v shipment.Shipment) string { return "/dead/" + v.Partner + "/" + v.TradeNo }
