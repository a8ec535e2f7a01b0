package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// parcel is the n-th shipment of a run. A few are urgent.
func (w *world) parcel(n int) shipment.Shipment {
	return shipment.Shipment{
		Partner: w.partner(n % w.Accounts), TradeNo: fmt.Sprintf("20261123%020d", n), LogisticsName: "顺丰速运", InvoiceNo: fmt.Sprintf("SF%d", n),
		TransportType: shipment.TransportExpress, Batch: fmt.Sprintf("b%d", n/1000), Urgent: n%17 == 0,
	}
}

func (w *world) parcels(from, to int) (all []shipment.Shipment) {
	for n := from; n < to; n++ {
		all = append(all, w.parcel(n))
	}
	return all
}

// traffic hands shipments over, evenly over the span but for its end, as order systems do: into the ledger
// and from there to Redis, or (one in ten) into Redis alone. What is not accepted is handed over again.
func (w *world) traffic(ctx context.Context) error {
	const tick = 500 * time.Millisecond
	ticks := max(1, int((w.Span-min(w.Span/5, 10*time.Second))/tick))
	random := rand.New(rand.NewPCG(w.Seed, 1)) //nolint:gosec // repeatable, not secret
	handed := 0
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for n := 1; n <= ticks; n++ {
		until := w.Shipments * n / ticks
		if err := w.handOver(ctx, w.parcels(handed, until), random.IntN(10) == 0); err != nil {
			return err
		}
		handed = until
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// handOver repeats until the ledger has said that it has everything.
func (w *world) handOver(ctx context.Context, batch []shipment.Shipment, byRedis bool) error {
	if byRedis { // whatever of it arrives
		for _, s := range batch {
			_ = w.ownBelt().Put(ctx, tasks.Item{Shipment: s, Line: tasks.Main})
		}
	}
	for {
		_, err := w.book.Accept(ctx, batch, ledger.AcceptOptions{})
		if err == nil {
			break
		}
		if sleepErr := sleep(ctx, 200*time.Millisecond); sleepErr != nil {
			return errors.Join(err, sleepErr)
		}
	}
	w.mu.Lock()
	w.accepted = append(w.accepted, batch...)
	w.mu.Unlock()
	if !w.AtOnce { // else nothing is wrong yet, and nobody else is there
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
	}
	_, _ = intake.Deliver(ctx, w.book, w.ownBelt()) // the workers do the same
	return nil
}

// person lifts holds: the gateway's faults hold accounts.
func (w *world) person(ctx context.Context) {
	for sleep(ctx, time.Second) == nil {
		w.release(ctx)
	}
}

func (w *world) release(ctx context.Context) {
	accounts, err := w.book.Accounts(ctx)
	if err != nil {
		return // the ledger is away just now
	}
	for _, a := range accounts {
		if a.Hold != nil {
			_, _ = w.book.Release(ctx, a.Partner, "", "person") // again in a second
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	wait(ctx, d)
	return ctx.Err()
}

// holdSQLite keeps the write lock from everybody else for a while.
func holdSQLite(ctx context.Context, url string, d time.Duration) error {
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite:")+"?_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	wait(ctx, d)
	return errors.Join(tx.Rollback(), db.Close())
}
