package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"fahuo/internal/ratelimit"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// strike does one fault and undoes it after its time. What is chosen is chosen by the event. errMissed says that
// nothing has happened.
type strike func(ctx context.Context, w *world, e Event, random *rand.Rand) error

// errMissed says that there was nothing to strike: no task in line, a lock that was not to be had.
var errMissed = errors.New("there was nothing to strike")

// target is what a fault strikes; faults on one target strike one after the other.
type target string

const (
	onWorker  target = "worker" // and its number
	onRedis   target = "redis"
	onLedger  target = "ledger"
	onQueue   target = "queue"
	onGateway target = "gateway"
)

var strikes = map[Fault]struct {
	target target
	strike strike
}{
	Kill: {onWorker, kill}, Terminate: {onWorker, terminate}, Stop: {onWorker, stop}, LongStop: {onWorker, stop},
	RedisStop: {onRedis, redisRestart}, RedisLoss: {onRedis, redisLoss}, RedisBack: {onRedis, redisBack},
	Failover: {onRedis, failover}, FlushAll: {onRedis, flushAll}, Duplicate: {onQueue, duplicate}, Drop: {onQueue, drop},
	LedgerStop: {onLedger, ledgerRestart}, LedgerFull: {onLedger, ledgerFull}, LedgerSlow: {onLedger, ledgerSlow},
	CutRedis: {onRedis, cut(toRedis)}, CutLedger: {onLedger, cut(toLedger)}, CutGateway: {onGateway, cut(toGateway)},
	LagRedis:   {onRedis, bad(toRedis, latency("downstream", 150*time.Millisecond, 100*time.Millisecond))},
	LagLedger:  {onLedger, bad(toLedger, latency("downstream", 80*time.Millisecond, 60*time.Millisecond))},
	LagGateway: {onGateway, bad(toGateway, latency("upstream", 150*time.Millisecond, 100*time.Millisecond), latency("downstream", 500*time.Millisecond, 500*time.Millisecond))},
	HalfRedis:  {onRedis, bad(toRedis, blackHole("upstream"), blackHole("downstream"))},
	HalfLedger: {onLedger, bad(toLedger, blackHole("upstream"), blackHole("downstream"))},
	HalfGate:   {onGateway, bad(toGateway, blackHole("downstream"))}, // requests arrive, answers do not
	ResetGate:  {onGateway, bad(toGateway, reset("downstream", 30*time.Millisecond))},
}

func toRedis(w *world) *network   { return w.toRedis }
func toLedger(w *world) *network  { return w.toLedger }
func toGateway(w *world) *network { return w.toGateway }

func wait(ctx context.Context, d time.Duration) { _ = ratelimit.Sleep(ctx, d) } // the end of the run ends every wait

func cut(to func(*world) *network) strike {
	return func(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
		to(w).cut()
		wait(ctx, e.For)
		return to(w).heal()
	}
}

func bad(to func(*world) *network, toxics ...toxic) strike {
	return func(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
		err := to(w).poison(toxics...)
		wait(ctx, e.For)
		return errors.Join(err, to(w).heal())
	}
}

// victim is the worker that an event is about.
func (w *world) victim(e Event) *process { return w.workers[e.Choice%uint64(len(w.workers))] }

func kill(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	p := w.victim(e)
	err := p.end(syscall.SIGKILL)
	wait(ctx, e.For)
	return errors.Join(err, p.start(ctx))
}

func terminate(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	p := w.victim(e)
	err := p.end(syscall.SIGTERM)
	wait(ctx, e.For)
	return errors.Join(err, p.start(ctx))
}

func stop(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	p := w.victim(e)
	err := p.signal(syscall.SIGSTOP)
	wait(ctx, e.For)
	return errors.Join(err, p.signal(syscall.SIGCONT))
}

// some picks a few shipments that have been accepted.
func (w *world) some(random *rand.Rand, n int) (some []shipment.Shipment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range min(n, len(w.accepted)) {
		some = append(some, w.accepted[random.IntN(len(w.accepted))])
	}
	return some
}

func duplicate(ctx context.Context, w *world, _ Event, random *rand.Rand) error {
	err := errMissed
	for _, s := range w.some(random, 50) {
		item := tasks.Item{Shipment: s, Line: []tasks.Line{tasks.Urgent, tasks.Retry, tasks.Main}[random.IntN(3)], N: random.Int64N(5)}
		if w.ownBelt().Put(ctx, item) != nil {
			return err // Redis is away just now, by another fault
		}
		err = nil
	}
	return err
}

// drop takes tasks out of asynq's lists by hand: half of them with what asynq knows of them, half without.
func drop(ctx context.Context, w *world, _ Event, random *rand.Rand) error {
	client := w.ownBelt().Redis()
	err := errMissed
	for _, s := range w.some(random, 50) {
		for _, line := range []tasks.Line{tasks.Urgent, tasks.Retry, tasks.Main} {
			prefix := "asynq:{" + tasks.Queue(s.Partner, line) + "}:"
			var id string
			switch random.IntN(3) {
			case 0:
				id = client.LPop(ctx, prefix+"pending").Val()
			case 1:
				id = client.LPop(ctx, prefix+"active").Val()
				client.ZRem(ctx, prefix+"lease", id)
			case 2:
				if popped := client.ZPopMin(ctx, prefix+"scheduled").Val(); len(popped) > 0 {
					id, _ = popped[0].Member.(string)
				}
			}
			if id == "" {
				continue // an empty list, or Redis is away just now, by another fault
			}
			err = nil
			if random.IntN(2) == 0 {
				client.Del(ctx, prefix+"t:"+id)
			}
		}
	}
	return err
}

func ledgerRestart(ctx context.Context, w *world, e Event, random *rand.Rand) error {
	err := w.postgres.Stop([]string{"INT", "QUIT", "KILL"}[random.IntN(3)])
	wait(ctx, e.For)
	return errors.Join(err, w.postgres.Start(ctx))
}

// ledgerFull fills the ledger's file system to the last byte. PostgreSQL ends when it cannot write its log, and
// somebody has to start it again.
func ledgerFull(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	path := filepath.Join(w.disk, "filler")
	filler, err := os.Create(path) //nolint:gosec // the run's own directory
	if err != nil {
		return errMissed // not even that fits
	}
	block := make([]byte, 1<<20)
	for len(block) > 0 {
		if _, err := filler.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	wait(ctx, e.For)
	err = errors.Join(filler.Close(), os.Remove(path))
	if w.Postgres {
		err = errors.Join(err, w.postgres.Revive(ctx))
	}
	return err
}

// ledgerSlow makes a transaction take 3 s: PostgreSQL by the network, SQLite by somebody who holds the write
// lock for so long, again and again.
func ledgerSlow(ctx context.Context, w *world, e Event, random *rand.Rand) error {
	if w.Postgres {
		return bad(toLedger, latency("downstream", 400*time.Millisecond, 0))(ctx, w, e, random)
	}
	err := errMissed
	for end := time.Now().Add(e.For); time.Now().Before(end) && ctx.Err() == nil; {
		if holdSQLite(ctx, w.url, 3*time.Second) != nil {
			return err // the lock was not to be had
		}
		err = nil
		wait(ctx, 10*time.Millisecond)
	}
	return err
}
