package chaos_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

func (r *rig) check() []chaos.Violation {
	r.t.Helper()
	_, err := intake.Feed(r.t.Context(), r.book, r.belt)
	r.must(err)
	return r.checkAsItIs()
}

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

func TestTheRightHandlerBreaksNothing(t *testing.T) {
	r := newRig(t)
	for _, row := range r.accept(3) {
		r.right(row)
	}
	if found := r.check(); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// For each law and each way to break it, somebody who does: that way is told, and no law but those that must break
// with it.
func TestTheCheckerCatches(t *testing.T) {
	for name, c := range map[string]struct {
		rogue  func(*rig) []chaos.Violation
		law    chaos.Law
		detail string      // how it is told
		with   []chaos.Law // what breaks with it
	}{
		"a handler that ships what is shipped":             {shipsAgain, chaos.Once, "had shipped it", nil},
		"a limiter that does not wait":                     {doesNotWait, chaos.Pace, "the interval is", nil},
		"a handler that does not wait for the answer":      {doesNotWaitForTheAnswer, chaos.Pace, "in flight", nil},
		"a handler that forgets a shipment":                {forgets, chaos.Settled, "still queued", nil},
		"a handler that believes an answer of its own":     {believes, chaos.Settled, "not at the gateway", nil},
		"a ledger that loses a row":                        {losesARow, chaos.Settled, "not in the ledger", nil},
		"a handler that does not begin":                    {doesNotBegin, chaos.Written, "was never begun", []chaos.Law{chaos.Settled}},
		"a handler that says it has not sent":              {deniesSending, chaos.Written, "not to have been sent", []chaos.Law{chaos.Settled}},
		"a handler that begins once and sends twice":       {sendsTwice, chaos.Written, "have one row", nil},
		"a handler that lets asynq give up":                {givesUp, chaos.NoLoop, "asynq has given up", []chaos.Law{chaos.Settled}},
		"a handler that calls again when out of step":      {again(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable}), chaos.NoLoop, "after the refusal", nil},
		"a handler that calls again with a wrong argument": {again(alipaytest.Fault{Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT"}), chaos.NoLoop, "after the refusal", nil},
		"a worker that sends again by itself":              {sentAgainBy("rogue"), chaos.NoLoop, "after the refusal", nil},
		"a handler that does not queue its dead letters":   {keepsItsDead, chaos.SameDead, "in the dead-letter queue: false", nil},
		"a handler that queues dead letters too many":      {buriesTheLiving, chaos.SameDead, "in the dead-letter queue: true", nil},
		"a handler that queues another reason of death":    {changesTheReason, chaos.SameDead, "\"not_shippable\" in the ledger, \"trade_not_exist\" in the queue", nil},
		"somebody who changes a row by hand":               {writes(`UPDATE shipments SET state = 'closed'`), chaos.Arrows, "the row is closed", nil},
		"somebody who leaves a line of history out":        {writes(`DELETE FROM history WHERE to_state = 'calling'`), chaos.Arrows, "goes on from calling where it stood at queued", nil},
		"somebody who takes what is shipped back":          {writes(takenBack), chaos.Arrows, "from shipped to queued there is no arrow", []chaos.Law{chaos.Settled}},
		"somebody who gives a version twice":               {writes(`UPDATE history SET version = 2`), chaos.Arrows, "version 2 after version 2", nil},
		"a handler with a wrong key":                       {signsWrongly, chaos.Healthy, "a bad request", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.rogue(newRig(t))
			told := false
			for _, v := range found {
				told = told || v.Law == c.law && strings.Contains(v.Detail, c.detail)
				if v.Law != c.law && !slices.Contains(c.with, v.Law) {
					t.Errorf("broken as well: %v", v)
				}
			}
			if !told {
				t.Errorf("%s, %q, is not among what was found: %v", c.law, c.detail, found)
			}
		})
	}
}

// What a person sends again after a refusal may be called again.
func TestAPersonMaySendAgain(t *testing.T) {
	if found := sentAgainBy("person")(newRig(t)); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestWhatNoWorkerMaySay(t *testing.T) {
	late := `{"message":"a request was written after its window: this process was stopped at the wrong moment"}` + "\n"
	if found, n := chaos.ReadLog(1, late+`{"message":"ship call"}`+"\n"+late); len(found) > 0 || n != 2 {
		t.Errorf("%v, %d late writes", found, n)
	}
	for _, bad := range []string{"panic: nil", "fatal error: all goroutines are asleep", "WARNING: DATA RACE", `{"key":"chaos-test-key-00112233445566778899"}`} {
		found, _ := chaos.ReadLog(1, late+bad+"\n")
		if len(found) != 1 || found[0].Law != chaos.Healthy {
			t.Errorf("%q: %v", bad, found)
		}
	}
}

func shipsAgain(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.right(row)
	begun := r.begin(r.queuedAgain(row)) // so that nothing else is wrong with it
	r.finish(begun, r.call(begun), shipped)
	r.record = func(record *chaos.Record) { record.History = nil }
	return r.check()
}

// queuedAgain makes a shipment that has been dealt with what the ledger never would: queued.
func (r *rig) queuedAgain(row ledger.Row) ledger.Row {
	r.t.Helper()
	r.sql(`UPDATE shipments SET state = 'queued', barred = 0, version = version + 1`)
	return r.row(row.Key())
}

// doesNotWait is found out by an interval that nobody can have kept by chance.
func doesNotWait(r *rig) []chaos.Violation {
	for _, row := range r.accept(2) {
		r.right(row)
	}
	r.record = func(record *chaos.Record) { record.Interval = time.Hour }
	return r.check()
}

func doesNotWaitForTheAnswer(r *rig) []chaos.Violation {
	rows := r.accept(2)
	r.gateway.Inject(alipaytest.Fault{TradeNo: rows[0].TradeNo, Kind: alipaytest.Hang, Times: -1})
	first := r.begin(rows[0])
	done := make(chan alipay.Result, 1)
	go func() { done <- r.callFor(first, time.Minute) }()
	r.must(r.gateway.Wait(r.t.Context(), func(g *alipaytest.Gateway) bool { return len(g.Arrivals()) == 1 }))
	<-time.After(interval) // in no hurry, since the first has arrived
	r.right(rows[1])
	r.must(r.gateway.Close())
	<-done
	r.keys = r.keys[1:] // what becomes of the first is not the point
	r.record = func(record *chaos.Record) { record.CallTimeout = time.Minute }
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
	r.finish(begun, r.call(begun), shipped)
	return r.check()
}

func losesARow(r *rig) []chaos.Violation {
	r.accept(1)
	r.sql(`DELETE FROM shipments`)
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

func sendsTwice(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.gateway.Inject(alipaytest.Fault{Kind: alipaytest.SystemError})
	begun := r.begin(row)
	r.call(begun)
	<-time.After(interval)
	r.finish(begun, r.call(begun), shipped)
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

// again calls once more after a refusal, as if it had been an answer like RETRY.
func again(refusal alipaytest.Fault) func(*rig) []chaos.Violation {
	return func(r *rig) []chaos.Violation {
		row := r.accept(1)[0]
		r.gateway.Inject(refusal)
		begun := r.begin(row)
		row = r.finish(begun, r.call(begun), ledger.Move{To: shipment.Queued, Doubt: true})
		r.right(row)
		return r.check()
	}
}

// sentAgainBy lets somebody send again what was refused.
func sentAgainBy(actor string) func(*rig) []chaos.Violation {
	return func(r *rig) []chaos.Violation {
		row := r.accept(1)[0]
		r.gateway.Inject(alipaytest.Fault{Kind: alipaytest.StatusNotAvailable})
		begun := r.begin(row)
		r.finish(begun, r.call(begun), ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeStatusNotAvailable, Bar: true})
		r.wait()
		row = r.queuedAgain(row)
		r.sql(fmt.Sprintf(`INSERT INTO history (at, partner, trade_no, actor, from_state, to_state, version) VALUES (%d, '%s', '%s', '%s', 'dead', 'queued', %d)`,
			row.ReadAt.UnixMicro(), row.Partner, row.TradeNo, actor, row.Version))
		r.right(row)
		return r.check()
	}
}

func keepsItsDead(r *rig) []chaos.Violation {
	r.die(r.accept(1)[0])
	return r.checkAsItIs()
}

// die settles a shipment as dead.
func (r *rig) die(row ledger.Row) {
	r.t.Helper()
	_, err := r.book.Settle(r.t.Context(), row, ledger.Move{To: shipment.Dead, Reason: shipment.ReasonTradeNotExist}, "rogue")
	r.must(err)
}

func buriesTheLiving(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.right(row)
	r.must(r.belt.PutDead(r.t.Context(), tasks.DeadLetter{Shipment: row.Shipment, Reason: shipment.ReasonTradeNotExist}))
	return r.check()
}

func changesTheReason(r *rig) []chaos.Violation {
	r.die(r.accept(1)[0])
	_, err := intake.Feed(r.t.Context(), r.book, r.belt)
	r.must(err)
	r.sql(`UPDATE shipments SET reason = 'not_shippable'`)
	return r.checkAsItIs()
}

// takenBack is the history of a shipment that was shipped and is queued.
const takenBack = `UPDATE shipments SET state = 'queued';
	INSERT INTO history (at, partner, trade_no, actor, from_state, to_state, version)
		SELECT at, partner, trade_no, 'hand', 'shipped', 'queued', version + 1 FROM history WHERE to_state = 'shipped'`

// writes ships, and then writes into the ledger by hand.
func writes(query string) func(*rig) []chaos.Violation {
	return func(r *rig) []chaos.Violation {
		r.right(r.accept(1)[0])
		r.sql(query)
		return r.check()
	}
}

func signsWrongly(r *rig) []chaos.Violation {
	row := r.accept(1)[0]
	r.right(row)
	wrong := r.creds
	wrong.Key = alipay.NewSecret("not-the-key-0123456789abcdef0000")
	r.client.Query(r.t.Context(), &wrong, row.TradeNo)
	return r.check()
}
