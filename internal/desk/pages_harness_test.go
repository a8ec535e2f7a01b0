package desk_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

const (
	pagesPartner  = "2088000000000001"
	pagesOther    = "2088000000000002"
	pagesPassword = "correct horse battery"
	pagesService  = "send_goods_confirm_by_platform"
)

// pagesSite is a desk over a ledger of its own, served as in production.
type pagesSite struct {
	t    *testing.T
	book *ledger.Ledger
	file string // the ledger's
	desk *desk.Desk
	url  string
}

// pagesUser makes a user quickly: what bcrypt's cost is for is not what these tests are for.
func pagesUser(t *testing.T, name string, role desk.Role) desk.User {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(pagesPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return desk.User{Name: name, Role: role, Password: string(hash)}
}

// pagesDesk serves a desk with the operator wang and the viewer li. change may alter the options.
func pagesDesk(t *testing.T, change ...func(*desk.Options)) *pagesSite {
	t.Helper()
	there := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, there) })
	s := &pagesSite{t: t, file: filepath.Join(t.TempDir(), "fahuo.db")}
	var err error
	if s.book, err = ledger.Open(t.Context(), "sqlite:"+s.file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.book.Close(); err != nil {
			t.Error(err)
		}
	})
	o := desk.Options{
		Book: s.book, Log: zerolog.Nop(),
		Users: desk.TheseUsers(pagesUser(t, "wang", desk.Operator), pagesUser(t, "li", desk.Viewer)),
	}
	for _, f := range change {
		f(&o)
	}
	if s.desk, err = desk.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.desk.Stop)
	server := httptest.NewUnstartedServer(nil)
	server.Config = desk.Server(s.desk)
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	s.announce()
	return s
}

func (s *pagesSite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *pagesSite) announce() {
	s.t.Helper()
	s.must(s.book.Announce(s.t.Context(), []ledger.Account{
		{Partner: pagesPartner, Name: "旗舰店", Interval: 10 * time.Second}, {Partner: pagesOther, Name: "Outlet", Interval: 20 * time.Second},
	}))
}

// pagesShipment is the n-th shipment of an account.
func pagesShipment(partner string, n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("20261123%020d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%08d", n), TransportType: "EXPRESS",
		OrderRef: fmt.Sprintf("ORD-%05d", n), Batch: "today",
	}
}

// accept takes n shipments in, from number first on; change may alter each.
func (s *pagesSite) accept(partner string, first, n int, change ...func(*shipment.Shipment)) []ledger.Row {
	s.t.Helper()
	all := make([]shipment.Shipment, n)
	for i := range all {
		all[i] = pagesShipment(partner, first+i)
		for _, f := range change {
			f(&all[i])
		}
	}
	_, err := s.book.Accept(s.t.Context(), all, ledger.AcceptOptions{Actor: "test"})
	s.must(err)
	rows := make([]ledger.Row, n)
	for i := range all {
		rows[i], err = s.book.Get(s.t.Context(), all[i].Key())
		s.must(err)
	}
	return rows
}

// settle moves shipments to where they end.
func (s *pagesSite) settle(rows []ledger.Row, to shipment.State) {
	s.t.Helper()
	for _, row := range rows {
		move := ledger.Move{To: to}
		if to == shipment.Dead {
			move.Reason, move.Code = shipment.ReasonTradeNotExist, "TRADE_NOT_EXIST"
		}
		_, err := s.book.Settle(s.t.Context(), row, move, "worker")
		s.must(err)
	}
}

// exec writes into the ledger what no program would: times in the past.
func (s *pagesSite) exec(statement string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.file+"?_pragma=busy_timeout(10000)")
	s.must(err)
	defer func() { s.must(db.Close()) }()
	_, err = db.ExecContext(s.t.Context(), statement, args...)
	s.must(err)
}

// called writes a ship call that was begun some time ago; verdict "" was never answered.
func (s *pagesSite) called(partner, verdict string, ago time.Duration) {
	s.t.Helper()
	begun := time.Now().Add(-ago).UnixMicro()
	finished := begun + 100_000
	if verdict == "" {
		finished = 0
	}
	s.exec(`INSERT INTO calls (partner, trade_no, service, worker, begun_at, finished_at, params, verdict) VALUES (?, 'x', ?, 'w', ?, ?, '{}', ?)`,
		partner, pagesService, begun, finished, verdict)
}

// pagesBrowser is somebody's browser: it keeps cookies and follows no redirect by itself.
type pagesBrowser struct {
	t      *testing.T
	url    string
	client *http.Client
	header http.Header // sent with everything
}

type pagesAnswer struct {
	Status int
	Header http.Header
	Body   string
}

// To is where a redirect leads.
func (a pagesAnswer) To() string { return a.Header.Get("Location") }

func (s *pagesSite) browser() *pagesBrowser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	s.must(err)
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &pagesBrowser{t: s.t, url: s.url, header: http.Header{"Accept-Language": {"en"}}, client: &http.Client{
		Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// login is a browser in which somebody has logged in.
func (s *pagesSite) login(name string) *pagesBrowser {
	s.t.Helper()
	b := s.browser()
	if a := b.post("/login", url.Values{"name": {name}, "password": {pagesPassword}}); a.Status != http.StatusSeeOther {
		s.t.Fatalf("login of %s: %d %s", name, a.Status, a.Body)
	}
	return b
}

func (b *pagesBrowser) do(method, path string, form url.Values, header http.Header) pagesAnswer {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(context.Background(), method, b.url+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range []http.Header{b.header, header} {
		for name, values := range h {
			r.Header[name] = values
		}
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = answer.Body.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return pagesAnswer{answer.StatusCode, answer.Header, string(text)}
}

func (b *pagesBrowser) get(path string) pagesAnswer {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, nil)
}

func (b *pagesBrowser) post(path string, form url.Values) pagesAnswer {
	b.t.Helper()
	return b.do(http.MethodPost, path, form, nil)
}

// page demands a page, and that every sentence of it is there.
func (b *pagesBrowser) page(path string) string {
	b.t.Helper()
	a := b.get(path)
	if a.Status != http.StatusOK || strings.Contains(a.Body, "⟨") || strings.Contains(a.Body, "%!") || strings.Contains(a.Body, "ZgotmplZ") {
		b.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	return a.Body
}

var pagesTags = regexp.MustCompile(`<[^>]*>`)

// pagesText is what stands on a page, for reports.
func pagesText(page string) string {
	return strings.Join(strings.Fields(pagesTags.ReplaceAllString(page, " ")), " ")
}

// pagesHas demands parts of a page.
func pagesHas(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not in %s", part, pagesText(page))
		}
	}
}

// pagesLacks demands that parts are not on a page.
func pagesLacks(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(page, part) {
			t.Errorf("%q is in %s", part, pagesText(page))
		}
	}
}
