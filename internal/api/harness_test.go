package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"fahuo/internal/api"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tokens"
)

func TestMain(m *testing.M) {
	// PostgreSQL is started once for all tests, and connections to it are the driver's.
	goleak.VerifyTestMain(m)
}

// The accounts: the shop has one, the mall two others.
const (
	shopPartner  = "2088000000000001"
	mallPartner  = "2088000000000002"
	mallPartner2 = "2088000000000003"
)

// site is an API over a ledger, reached as clients reach it. Every answer is held against the document.
type site struct {
	*api.API
	book       *ledger.Ledger
	url        string
	client     *http.Client
	doc        *document
	shop, mall string // secrets
	log        *bytes.Buffer
}

// engines are the ledgers that there are.
var engines = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db") },
	"postgres": func(t testing.TB) string { return proctest.Postgres(t) },
}

func newSite(t testing.TB) *site { return newSiteOn(t, engines["sqlite"](t), api.Options{}) }

func newSiteOn(t testing.TB, url string, o api.Options) *site {
	t.Helper()
	s := &site{log: &bytes.Buffer{}}
	var err error
	if s.book, err = ledger.Open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	o.Book, o.Tokens, o.Log = s.book, s.tokens(t), zerolog.New(zerolog.SyncWriter(s.log))
	if s.API, err = api.New(o); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.Handler())
	server.Config = api.Server(s.Handler())
	server.Start()
	s.url, s.client = server.URL, server.Client()
	t.Cleanup(func() {
		s.Release()
		server.Close()
		s.Stop()
		if err := s.book.Close(); err != nil {
			t.Error(err)
		}
	})
	s.doc = readDocument(t, s.get(t, "/openapi.json"))
	return s
}

func (s *site) tokens(t testing.TB) *tokens.Set {
	t.Helper()
	shopSecret, shop, err := tokens.New("shop", []string{shopPartner})
	if err != nil {
		t.Fatal(err)
	}
	mallSecret, mall, err := tokens.New("mall", []string{mallPartner, mallPartner2})
	if err != nil {
		t.Fatal(err)
	}
	s.shop, s.mall = shopSecret, mallSecret
	return tokens.These(shop, mall)
}

// get reads something that needs no token.
func (s *site) get(t testing.TB, path string) []byte {
	t.Helper()
	return s.send(t, s.request(t, "", http.MethodGet, path, "", nil)).body
}

// answer is an answer that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *site) request(t testing.TB, secret, method, path, media string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	return r
}

func (s *site) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	a, err := s.try(r)
	if err != nil {
		t.Fatal(err)
	}
	if s.doc != nil {
		if err := s.doc.allows(r, a); err != nil {
			t.Errorf("%s %s is answered by what the document does not have: %v", r.Method, r.URL, err)
		}
	}
	return a
}

func (s *site) try(r *http.Request) (a answer, err error) {
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	a = answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	return a, response.Body.Close()
}

// call makes a request and reads the answer into out, which may be nil.
func (s *site) call(t testing.TB, secret, method, path, body string, out any) answer {
	t.Helper()
	media := ""
	if body != "" {
		media = "application/json"
	}
	a := s.send(t, s.request(t, secret, method, path, media, []byte(body)))
	if out != nil && a.status < 300 {
		if err := json.Unmarshal(a.body, out); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
	}
	return a
}

// must is call where one status is right.
func (s *site) must(t testing.TB, status int, secret, method, path, body string, out any) answer {
	t.Helper()
	a := s.call(t, secret, method, path, body, out)
	if a.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

// problem is what a refusal says.
type problem struct {
	Status int
	Detail string
	Errors []struct{ Location, Message string }
}

func (a answer) problem(t testing.TB) (p problem) {
	t.Helper()
	if media := a.header.Get("Content-Type"); media != "application/problem+json" {
		t.Errorf("status %d comes as %q", a.status, media)
	}
	if err := json.Unmarshal(a.body, &p); err != nil || p.Status != a.status || p.Detail == "" {
		t.Errorf("no problem: %v: %s", err, a.body)
	}
	return p
}

// trade is the n-th trade number.
func trade(n int) string {
	digits := strconv.Itoa(n)
	return "20261123" + strings.Repeat("0", 20-len(digits)) + digits
}

// one is the n-th shipment as a body, with more fields.
func one(n int, more string) string {
	return `{"trade_no":"` + trade(n) + `","logistics_name":"顺丰速运","invoice_no":"SF` + strconv.Itoa(n) + `"` + more + `}`
}

// many are shipments from the one number to the other, as a body.
func many(from, to int, more string) string {
	all := make([]string, 0, to-from+1)
	for n := from; n <= to; n++ {
		all = append(all, one(n, more))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// move does what a worker would.
func (s *site) move(t testing.TB, partner string, n int, to shipment.State) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	row, err := s.book.Get(ctx, shipment.Key{Partner: partner, TradeNo: trade(n)})
	if err != nil {
		t.Fatal(err)
	}
	m := ledger.Move{To: to}
	if to == shipment.Dead {
		m.Reason = shipment.ReasonTradeNotExist
	}
	if _, err := s.book.Settle(ctx, row, m, "worker"); err != nil {
		t.Fatal(err)
	}
}

func (s *site) announce(t testing.TB, partners ...string) {
	t.Helper()
	for _, p := range partners {
		if err := s.book.Announce(t.Context(), []ledger.Account{{Partner: p, Interval: 10 * time.Second}}); err != nil {
			t.Fatal(err)
		}
	}
}
