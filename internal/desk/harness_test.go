package desk_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/net/html"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partner  = "2088000000000001"
	password = "long enough to be one"
)

// site is a desk over a ledger of its own, served on loopback.
type site struct {
	t    *testing.T
	book *ledger.Ledger
	raw  *sql.DB // the ledger's file, for what no worker would do
	desk *desk.Desk
	url  string
	log  *bytes.Buffer
}

// newSite has two operators, wang and li, and a viewer, look.
func newSite(t *testing.T) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fahuo.db")
	book, err := ledger.Open(t.Context(), "sqlite:"+path)
	must(t, err)
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	must(t, err)
	var users []desk.User
	for name, role := range map[string]desk.Role{"wang": desk.Operator, "li": desk.Operator, "look": desk.Viewer} {
		users = append(users, desk.User{Name: name, Role: role, Password: string(hash)})
	}
	s := &site{t: t, book: book, raw: raw, log: new(bytes.Buffer)}
	s.desk, err = desk.New(desk.Options{Book: book, Users: desk.TheseUsers(users...), Log: zerolog.New(zerolog.SyncWriter(s.log))})
	must(t, err)
	server := httptest.NewServer(s.desk.Handler())
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		s.desk.Stop()
		must(t, raw.Close())
		must(t, book.Close())
	})
	must(t, book.Announce(t.Context(), []ledger.Account{{Partner: partner, Name: "旗舰店", Interval: 10 * time.Second}}))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change does to the file what no worker would do.
func (s *site) change(query string, args ...any) {
	s.t.Helper()
	_, err := s.raw.ExecContext(s.t.Context(), query, args...)
	must(s.t, err)
}

// lock keeps everybody from writing to the ledger until it is released; reading goes on.
func (s *site) lock() (release func()) {
	s.t.Helper()
	conn, err := s.raw.Conn(s.t.Context())
	must(s.t, err)
	_, err = conn.ExecContext(s.t.Context(), "BEGIN IMMEDIATE")
	must(s.t, err)
	return func() {
		s.t.Helper()
		_, err := conn.ExecContext(s.t.Context(), "ROLLBACK")
		must(s.t, err)
		must(s.t, conn.Close())
	}
}

func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("%028d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, OrderRef: fmt.Sprintf("A-%d", n), Batch: "b1",
	}
}

func (s *site) accept(all ...shipment.Shipment) {
	s.t.Helper()
	_, err := s.book.Accept(s.t.Context(), all, ledger.AcceptOptions{})
	must(s.t, err)
}

func (s *site) row(v shipment.Shipment) ledger.Row {
	s.t.Helper()
	row, err := s.book.Get(s.t.Context(), v.Key())
	must(s.t, err)
	return row
}

// refused is what a worker does with a shipment that Alipay refuses: a call, an answer, a death.
func refused(found ledger.Finding, status string) ledger.Move {
	return ledger.Move{
		To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Bar: true, Code: "TRADE_STATUS_NOT_AVAILD", Found: found, TradeStatus: status,
		Detail: "Alipay: TRADE_STATUS_NOT_AVAILD",
	}
}

// die takes a shipment in and has it called and refused.
func (s *site) die(v shipment.Shipment, m ledger.Move) ledger.Row {
	s.t.Helper()
	s.accept(v)
	begun, err := s.book.Begin(s.t.Context(), s.row(v), ledger.Attempt{
		Service: "send_goods_confirm_by_platform", Worker: "worker-1", Fence: time.Minute,
		Params: fmt.Sprintf(`{"logistics_name":%q,"invoice_no":%q,"transport_type":"EXPRESS"}`, v.LogisticsName, v.InvoiceNo),
	})
	must(s.t, err)
	_, err = s.book.Finish(s.t.Context(), begun, ledger.Finish{
		Answer: ledger.Answer{Verdict: "out_of_step", HTTPStatus: 200, Code: m.Code, Body: "<alipay/>", Duration: 150 * time.Millisecond},
		Move:   m, Answered: true, Since: time.Hour, Interval: time.Second,
	})
	must(s.t, err)
	return s.row(v)
}

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
	location string
	body     string
	root     *html.Node
}

func (b *browser) do(method, path string, form url.Values) *page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	must(b.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", b.lang)
	answer, err := b.client.Do(r)
	must(b.t, err)
	body, err := io.ReadAll(answer.Body)
	must(b.t, err)
	must(b.t, answer.Body.Close())
	root, err := html.Parse(bytes.NewReader(body))
	must(b.t, err)
	p := &page{b.t, answer.StatusCode, answer.Header.Get("Location"), string(body), root}
	if answer.StatusCode == http.StatusInternalServerError {
		b.t.Fatalf("%s %s: 500\n%s", method, path, b.log)
	}
	return p
}

func (b *browser) get(path string) *page { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values) *page {
	b.t.Helper()
	return b.do(http.MethodPost, path, form)
}

// look reads a page that has to be there.
func (b *browser) look(path string) *page {
	b.t.Helper()
	p := b.get(path)
	p.want(http.StatusOK)
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

// submit sends a form of a page with some of its fields filled in.
func (b *browser) submit(p *page, action string, fields ...string) *page {
	b.t.Helper()
	form := p.form(action)
	if form == nil {
		b.t.Fatalf("there is no form for %s in\n%s", action, p.body)
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.post(action, form)
}

func (p *page) find(is func(*html.Node) bool) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			return n
		}
	}
	return nil
}

func (p *page) text() string { return text(p.root) }

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
