package desk_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

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
	s.desk.SetPatience(time.Minute) // a slow machine shows no other page
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
