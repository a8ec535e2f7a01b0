package desk_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"fahuo/internal/alipay"
	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two accounts, and everybody's password.
const (
	partner  = "2088000000000001" // 旗舰店, an interval of 10 s
	outlet   = "2088000000000002" // Outlet, 20 s
	password = "long enough to be one"
)

// site is a desk over a ledger of its own, served on loopback as in production.
type site struct {
	t    *testing.T
	book *ledger.Ledger
	raw  *sql.DB // the ledger's file, for what no worker would do
	desk *desk.Desk
	url  string
	log  *bytes.Buffer
}

// user makes a user quickly: what bcrypt's cost is for is not what these tests are for.
func user(t testing.TB, name string, role desk.Role) desk.User {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	must(t, err)
	return desk.User{Name: name, Role: role, Password: string(hash)}
}

// newSite has two operators, wang and li, and a viewer, look. change may alter the options.
func newSite(t *testing.T, change ...func(*desk.Options)) *site {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fahuo.db")
	book, err := ledger.Open(t.Context(), "sqlite:"+path)
	must(t, err)
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	s := &site{t: t, book: book, raw: raw, log: new(bytes.Buffer)}
	users := desk.TheseUsers(user(t, "wang", desk.Operator), user(t, "li", desk.Operator), user(t, "look", desk.Viewer))
	o := desk.Options{Book: book, Users: users, Log: zerolog.New(zerolog.SyncWriter(s.log))}
	for _, f := range change {
		f(&o)
	}
	s.desk, err = desk.New(o)
	must(t, err)
	s.desk.SetPatience(time.Minute) // a slow machine shows no other page
	server := httptest.NewUnstartedServer(nil)
	server.Config = desk.Server(s.desk)
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		s.desk.Stop()
		must(t, raw.Close())
		must(t, book.Close())
	})
	must(t, book.Announce(t.Context(), []ledger.Account{
		{Partner: partner, Name: "旗舰店", Interval: 10 * time.Second}, {Partner: outlet, Name: "Outlet", Interval: 20 * time.Second},
	}))
	return s
}

func must(t testing.TB, err error) {
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

// serve has a worker that serves the account and says so until the test is over, or until end is called: then it says
// that it ends.
func (s *site) serve(worker, account string) (end func()) {
	s.t.Helper()
	must(s.t, s.book.Heartbeat(s.t.Context(), worker, []string{account}, false))
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		beat := time.NewTicker(ledger.WorkerLease / 8)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				_ = s.book.Heartbeat(ctx, worker, []string{account}, false) // one that a locked ledger does not take is made up for
			case <-ctx.Done():
				return
			}
		}
	}()
	silent := func() { stop(); <-done }
	s.t.Cleanup(silent)
	return func() {
		s.t.Helper()
		silent()
		must(s.t, s.book.Heartbeat(s.t.Context(), worker, []string{account}, true))
	}
}

// parcel is the n-th shipment of the first account.
func parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: partner, TradeNo: fmt.Sprintf("20261123%020d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%08d", n),
		TransportType: shipment.TransportExpress, OrderRef: fmt.Sprintf("ORD-%05d", n), Batch: "b1",
	}
}

func (s *site) accept(all ...shipment.Shipment) {
	s.t.Helper()
	_, err := s.book.Accept(s.t.Context(), all, ledger.AcceptOptions{Actor: "test"})
	must(s.t, err)
}

// acceptMany takes n shipments of an account in, from number first on; change may alter each.
func (s *site) acceptMany(account string, first, n int, change ...func(*shipment.Shipment)) (rows []ledger.Row) {
	s.t.Helper()
	all := make([]shipment.Shipment, n)
	for i := range all {
		all[i] = parcel(first + i)
		all[i].Partner = account
		for _, f := range change {
			f(&all[i])
		}
	}
	s.accept(all...)
	for _, v := range all {
		rows = append(rows, s.row(v))
	}
	return rows
}

// settle moves shipments to where they end, without a call.
func (s *site) settle(rows []ledger.Row, to shipment.State) {
	s.t.Helper()
	for _, row := range rows {
		move := ledger.Move{To: to}
		if to == shipment.Dead {
			move.Reason, move.Code = shipment.ReasonTradeNotExist, "TRADE_NOT_EXIST"
		}
		_, err := s.book.Settle(s.t.Context(), row, move, "worker")
		must(s.t, err)
	}
}

// called writes a ship call that was begun some time ago; verdict "" was never answered.
func (s *site) called(account, verdict string, ago time.Duration) {
	s.t.Helper()
	begun := time.Now().Add(-ago).UnixMicro()
	finished := begun + 100_000
	if verdict == "" {
		finished = 0
	}
	s.change(`INSERT INTO calls (partner, trade_no, service, worker, begun_at, finished_at, params, verdict) VALUES (?, 'x', ?, 'w', ?, ?, '{}', ?)`,
		account, alipay.ServiceShip, begun, finished, verdict)
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
		Service: alipay.ServiceShip, Worker: "worker-1", Fence: time.Minute,
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
