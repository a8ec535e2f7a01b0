package chaos_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/chaos"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

const (
	partner  = "2088000000000001"
	rigKey   = "checker-test-key-0123456789abcdef" // a test key
	interval = 50 * time.Millisecond
	patience = 10 * time.Second
)

// rig is what a handler works with: the production client, a ledger, a belt, the simulated gateway.
type rig struct {
	t       *testing.T
	creds   alipay.Credentials
	gateway *alipaytest.Server
	client  *alipay.Client
	book    *ledger.Ledger
	belt    *tasks.Belt
	keys    []shipment.Key
	record  func(*chaos.Record) // changes the record before it is checked
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, creds: alipay.Credentials{Partner: partner, SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(rigKey)}}
	var err error
	r.gateway, err = alipaytest.Start(alipaytest.Options{Accounts: []alipaytest.Account{{Credentials: r.creds}}, Interval: interval, AutoTrades: true})
	r.must(err)
	t.Cleanup(func() { r.must(r.gateway.Close()) })
	r.client, err = alipay.NewClient(alipay.Options{Gateway: r.gateway.URL()})
	r.must(err)
	t.Cleanup(r.client.Close)
	r.book, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "fahuo.db"))
	r.must(err)
	t.Cleanup(func() { r.must(r.book.Close()) })
	r.must(r.book.Announce(t.Context(), []ledger.Account{{Partner: partner, Interval: interval}}))
	r.belt, err = tasks.Connect("redis://"+miniredis.RunT(t).Addr(), "")
	r.must(err)
	t.Cleanup(func() { r.must(r.belt.Close()) })
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// accept takes n shipments into the ledger and puts them on the belt.
func (r *rig) accept(n int) (rows []ledger.Row) {
	r.t.Helper()
	for i := range n {
		s := shipment.Shipment{
			Partner: partner, TradeNo: fmt.Sprintf("20261123%020d", i), LogisticsName: "顺丰速运", InvoiceNo: "SF1", TransportType: shipment.TransportExpress,
		}
		_, err := r.book.Accept(r.t.Context(), []shipment.Shipment{s}, ledger.AcceptOptions{})
		r.must(err)
		r.keys = append(r.keys, s.Key())
	}
	_, err := intake.Deliver(r.t.Context(), r.book, r.belt)
	r.must(err)
	for _, k := range r.keys {
		rows = append(rows, r.row(k))
	}
	return rows
}

func (r *rig) row(k shipment.Key) ledger.Row {
	r.t.Helper()
	row, err := r.book.Get(r.t.Context(), k)
	r.must(err)
	return row
}

// wait waits until the account is open.
func (r *rig) wait() {
	r.t.Helper()
	account, err := r.book.Account(r.t.Context(), partner)
	r.must(err)
	<-time.After(account.OpenAt.Sub(account.Now))
}

// begin waits for the slot and takes it.
func (r *rig) begin(row ledger.Row) ledger.Row {
	r.t.Helper()
	for {
		r.wait()
		begun, err := r.book.Begin(r.t.Context(), row, ledger.Attempt{Service: alipay.ServiceShip, Worker: "rogue", Params: "{}", Fence: interval})
		if !errors.Is(err, ledger.ErrSlotClosed) {
			r.must(err)
			return begun
		}
	}
}

// call sends the request, whatever the ledger says.
func (r *rig) call(row ledger.Row) alipay.Result { return r.callFor(row, patience) }

func (r *rig) callFor(row ledger.Row, answer time.Duration) alipay.Result {
	r.t.Helper()
	request, err := r.client.NewShipRequest(r.t.Context(), &r.creds, row.Shipment)
	r.must(err)
	conn, err := r.client.Connect(r.t.Context())
	r.must(err)
	return conn.Ship(&r.creds, request, alipay.Window{Start: time.Now(), Write: time.Minute, Answer: answer})
}

func (r *rig) finish(begun ledger.Row, result alipay.Result, move ledger.Move) ledger.Row {
	r.t.Helper()
	done, err := r.book.Finish(r.t.Context(), begun, ledger.Finish{
		Answer: ledger.Answer{Verdict: result.Outcome.String(), Code: result.Code, TradeStatus: result.TradeStatus}, Move: move,
		Answered: true, Since: time.Since(result.FirstByte), Interval: interval,
	})
	r.must(err)
	return done.Row
}

var shipped = ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}

// right ships as it should be done.
func (r *rig) right(row ledger.Row) {
	r.t.Helper()
	begun := r.begin(row)
	r.finish(begun, r.call(begun), shipped)
}

// check feeds what the ledger marks, as any worker would, and holds the records against the promises.
func (r *rig) check() []chaos.Violation {
	r.t.Helper()
	_, err := intake.Feed(r.t.Context(), r.book, r.belt)
	r.must(err)
	return r.checkAsItIs()
}

// checkAsItIs is check without feeding first.
func (r *rig) checkAsItIs() []chaos.Violation {
	r.t.Helper()
	record, err := chaos.ReadRecord(r.t.Context(), r.gateway.Gateway, r.book, r.belt, []string{partner})
	r.must(err)
	record.Interval, record.CallTimeout, record.Accepted = interval, patience, r.keys
	if r.record != nil {
		r.record(record)
	}
	return chaos.Check(record)
}

func (r *rig) sql(query string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(r.book.URL(), "sqlite:"))
	r.must(err)
	_, err = db.ExecContext(r.t.Context(), query)
	r.must(err)
	r.must(db.Close())
}
