package chaos_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/chaos"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

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
