package chaos_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

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
	patience = time.Second
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

// begin waits for the slot and takes it.
func (r *rig) begin(row ledger.Row) ledger.Row {
	r.t.Helper()
	for {
		begun, err := r.book.Begin(r.t.Context(), row, ledger.Attempt{Service: alipay.ServiceShip, Worker: "rogue", Params: "{}", Fence: 2 * time.Second})
		if err == nil {
			return begun
		}
		account, accountErr := r.book.Account(r.t.Context(), partner)
		r.must(accountErr)
		if !account.OpenAt.After(account.Now) {
			r.must(err)
		}
		timer := time.NewTimer(account.OpenAt.Sub(account.Now))
		<-timer.C
	}
}

// call sends the request, whatever the ledger says.
func (r *rig) call(row ledger.Row) alipay.Result {
	r.t.Helper()
	request, err := r.client.NewShipRequest(r.t.Context(), &r.creds, row.Shipment)
	r.must(err)
	conn, err := r.client.Connect(r.t.Context())
	r.must(err)
	return conn.Ship(&r.creds, request, alipay.Window{Start: time.Now(), Write: time.Second, Answer: patience})
}

func (r *rig) finish(begun ledger.Row, result alipay.Result, move ledger.Move, pace time.Duration) ledger.Row {
	r.t.Helper()
	done, err := r.book.Finish(r.t.Context(), begun, ledger.Finish{
		Answer: ledger.Answer{Verdict: result.Outcome.String(), Code: result.Code, TradeStatus: result.TradeStatus}, Move: move,
		Answered: true, Since: time.Since(result.FirstByte), Interval: pace,
	})
	r.must(err)
	return done.Row
}

var shipped = ledger.Move{To: shipment.Shipped, TradeStatus: "WAIT_BUYER_CONFIRM_GOODS"}

// right ships as it should be done.
func (r *rig) right(row ledger.Row) {
	r.t.Helper()
	begun := r.begin(row)
	r.finish(begun, r.call(begun), shipped, interval)
}

func (r *rig) check() []chaos.Violation {
	r.t.Helper()
	_, err := intake.Feed(r.t.Context(), r.book, r.belt)
	r.must(err)
	return r.checkAsItIs()
}

func (r *rig) checkAsItIs() []chaos.Violation {
	r.t.Helper()
	return r.checkAt(interval)
}

func (r *rig) checkAt(interval time.Duration) []chaos.Violation {
	r.t.Helper()
	record, err := chaos.ReadRecord(r.t.Context(), r.gateway.Gateway, r.book, r.belt, []string{partner})
	r.must(err)
	record.Interval, record.CallTimeout, record.Accepted = interval, patience, r.keys
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

func TestTheRightHandlerBreaksNothing(t *testing.T) {
	r := newRig(t)
	for _, row := range r.accept(3) {
		r.right(row)
	}
	if found := r.check(); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// For each law, somebody who breaks it and nothing but the laws that must break with it.
func TestTheCheckerCatches(t *testing.T) {
	for name, c := range map[string]struct {
		law   chaos.Law
		rogue func(*rig) []chaos.Violation
	}{
		"a handler that ships what is shipped":           {chaos.Once, shipsAgain},
		"a limiter that does not wait":                   {chaos.Pace, doesNotWait},
		"a handler that does not wait for the answer":    {chaos.Pace, doesNotWaitForTheAnswer},
		"a handler that forgets a shipment":              {chaos.Settled, forgets},
		"a handler that believes an answer of its own":   {chaos.Settled, believes},
		"a handler that does not begin":                  {chaos.Written, doesNotBegin},
		"a handler that says it has not sent":            {chaos.Written, deniesSending},
		"a handler that lets asynq give up":              {chaos.NoLoop, givesUp},
		"a handler that calls again after a refusal":     {chaos.NoLoop, callsAfterRefusal},
		"a handler that does not queue its dead letters": {chaos.SameDead, keepsItsDead},
		"a handler that queues dead letters too many":    {chaos.SameDead, buriesTheLiving},
		"somebody who writes into the ledger by hand":    {chaos.Arrows, writesByHand},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.rogue(newRig(t))
			for _, v := range found {
				if v.Law == c.law {
					return
				}
			}
			t.Errorf("%s is not among what was found: %v", c.law, found)
		})
	}
}

func shipsAgain(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.right(row)
	r.call(row)
	return r.check()
}

func doesNotWait(r *rig) []chaos.Violation {
	// The ledger would keep it from that: it goes by the announced interval if that is larger.
	r.must(r.book.Announce(r.t.Context(), []ledger.Account{{Partner: partner, Interval: time.Microsecond}}))
	for _, row := range r.accept(2) {
		begun := r.begin(row)
		r.finish(begun, r.call(begun), shipped, 0)
	}
	return r.checkAt(time.Hour) // a slow machine keeps a small interval by itself
}

func doesNotWaitForTheAnswer(r *rig) []chaos.Violation {
	rows := r.accept(2)
	r.gateway.Inject(alipaytest.Fault{TradeNo: rows[0].TradeNo, Kind: alipaytest.Hang})
	done := make(chan alipay.Result, 1)
	go func() { done <- r.call(r.begin(rows[0])) }()
	r.must(r.gateway.Wait(r.t.Context(), func(g *alipaytest.Gateway) bool { return len(g.Arrivals()) == 1 }))
	r.call(rows[1])
	<-done
	return r.check()
}

func forgets(r *rig) []chaos.Violation {
	rows := r.accept(2)
	r.right(rows[0])
	return r.check()
}

func believes(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.gateway.Inject(alipaytest.Fault{Kind: alipaytest.SystemError})
	begun := r.begin(row)
	r.finish(begun, r.call(begun), shipped, interval)
	return r.check()
}

func doesNotBegin(r *rig) []chaos.Violation {
	r.call(r.accept(1)[0])
	return r.check()
}

func deniesSending(r *rig) []chaos.Violation {
	begun := r.begin(r.accept(1)[0])
	r.call(begun)
	_, err := r.book.Finish(r.t.Context(), begun, ledger.Finish{Answer: ledger.Answer{Verdict: ledger.VerdictNotSent}, NotSent: true})
	r.must(err)
	return r.check()
}

func givesUp(r *rig) []chaos.Violation {
	r.accept(1)
	done := make(chan struct{})
	server := asynq.NewServerFromRedisClient(r.belt.Redis(), asynq.Config{
		Concurrency: 1, Queues: tasks.Queues(partner), LogLevel: asynq.FatalLevel,
		ErrorHandler: asynq.ErrorHandlerFunc(func(context.Context, *asynq.Task, error) { close(done) }),
	})
	r.must(server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return asynq.SkipRetry })))
	<-done
	server.Shutdown()
	return r.check()
}

func callsAfterRefusal(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.gateway.Inject(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable})
	begun := r.begin(row)
	row = r.finish(begun, r.call(begun), ledger.Move{To: shipment.Queued, Doubt: true}, interval)
	r.right(row)
	return r.check()
}

func keepsItsDead(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	_, err := r.book.Settle(r.t.Context(), row, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist}, "rogue")
	r.must(err)
	return r.checkAsItIs()
}

func buriesTheLiving(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.right(row)
	r.must(r.belt.PutDead(r.t.Context(), tasks.DeadLetter{Shipment: row.Shipment, Reason: shipment.ReasonTradeNotExist}))
	return r.check()
}

func writesByHand(r *rig) []chaos.Violation {
	r.right(r.accept(1)[0])
	r.sql(`UPDATE shipments SET state = 'queued'`)
	return r.check()
}
