package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
	"fahuo/internal/tasks"
)

// testKey is every account's, a test key.
const testKey = "chaos-test-key-00112233445566778899"

// Config is one run.
type Config struct {
	Program     string // the worker's binary
	Postgres    bool   // the ledger: PostgreSQL, else SQLite
	Seed        uint64
	Span        time.Duration // how long faults strike
	Doses       []Dose
	GateFaults  float64 // the share of calls that the gateway spoils
	Workers     int
	Accounts    int
	Shipments   int  // over the span
	AtOnce      bool // all shipments are handed over before the workers start
	Interval    time.Duration
	CallTimeout time.Duration
	SettleIn    time.Duration // how long after the last fault everything accepted must be settled
	Out         io.Writer     // what happens
}

// world is everything that a run consists of.
type world struct {
	Config
	dir     string
	gateway *alipaytest.Server
	redis   [2]*redisServer
	primary int
	old     string // a copy of Redis's files, some time old

	postgres *proctest.PostgresServer
	disk     string // the ledger's own small file system
	url      string // of the ledger, for us: past the proxy
	book     *ledger.Ledger
	belt     *tasks.Belt // past the proxy

	toRedis, toLedger, toGateway, replication *network

	workers []*process

	mu       sync.Mutex
	accepted []shipment.Shipment // handed over, and the ledger has said that it has them
	struck   map[Fault]int
	missed   map[Fault]int
	began    time.Time // when the first fault could strike
	closers  []func() error
}

func (w *world) partner(n int) string { return fmt.Sprintf("2088%012d", n+1) }

// newWorld starts everything but the workers. On an error what was started is stopped.
func newWorld(ctx context.Context, c Config) (w *world, err error) {
	w = &world{Config: c, struck: make(map[Fault]int), missed: make(map[Fault]int)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "fahuo-chaos-"); err != nil {
		return w, err
	}
	w.onClose(func() error { return os.RemoveAll(w.dir) })
	for _, start := range []func(context.Context) error{w.startGateway, w.startRedis, w.startLedger, w.prepareWorkers} {
		if err := start(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *world) onClose(f func() error) { w.closers = append(w.closers, f) }

func (w *world) close() error {
	var err error
	for i := len(w.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, w.closers[i]())
	}
	w.closers = nil
	return err
}

func (w *world) log(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.Out, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05.000")}, args...)...) // nobody is left to tell
}

func (w *world) startGateway(context.Context) error {
	accounts := make([]alipaytest.Account, w.Accounts)
	for i := range accounts {
		accounts[i].Credentials = alipay.Credentials{
			Partner: w.partner(i), SignType: alipay.MD5, Charset: alipay.UTF8, Key: alipay.NewSecret(testKey),
		}
	}
	var err error
	w.gateway, err = alipaytest.Start(alipaytest.Options{Accounts: accounts, Interval: w.Interval, AutoTrades: true, Seed: w.Seed})
	if err != nil {
		return err
	}
	w.onClose(w.gateway.Close)
	w.gateway.Inject(gatewayFaults(w.GateFaults, w.CallTimeout)...)
	w.toGateway, err = w.proxy("gateway", w.gateway.Addr())
	return err
}

func (w *world) proxy(name, upstream string) (*network, error) {
	n, err := newNetwork(name, upstream)
	if err == nil {
		w.onClose(func() error { n.cut(); return nil })
	}
	return n, err
}

func (w *world) startRedis(ctx context.Context) (err error) {
	for i := range w.redis {
		s, err := newRedisServer(filepath.Join(w.dir, fmt.Sprintf("redis%d", i)))
		if err != nil {
			return err
		}
		w.redis[i] = s
		w.onClose(func() error { return s.Stop(syscall.SIGKILL) })
	}
	if err := w.redis[0].start(ctx); err != nil {
		return err
	}
	if w.toRedis, err = w.proxy("redis", w.redis[0].Addr()); err != nil {
		return err
	}
	if w.replication, err = w.proxy("replication", w.redis[0].Addr()); err != nil {
		return err
	}
	return w.connectBelt()
}

// connectBelt makes our own connection to whichever Redis is the primary now.
func (w *world) connectBelt() error {
	belt, err := tasks.Connect("redis://"+w.redis[w.primary].Addr(), "")
	if err != nil {
		return err
	}
	w.mu.Lock()
	old := w.belt
	w.belt = belt
	w.mu.Unlock()
	if old != nil {
		return old.Close()
	}
	w.onClose(func() error { return w.ownBelt().Close() })
	return nil
}

func (w *world) ownBelt() *tasks.Belt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.belt
}

// startLedger starts the ledger on a small file system of its own, to be filled up.
func (w *world) startLedger(ctx context.Context) (err error) {
	w.disk = filepath.Join(w.dir, "ledger")
	if err := os.Mkdir(w.disk, 0o700); err != nil {
		return err
	}
	// What a shipment takes, some of it called many times, and what PostgreSQL is when it is empty, log included.
	megabytes := 64 + w.Shipments/64
	if w.Postgres {
		megabytes += 192
	}
	if err := syscall.Mount("tmpfs", w.disk, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		return fmt.Errorf("the ledger needs a small file system of its own, to fill it up; mounting one takes root: %w", err)
	}
	w.onClose(func() error { return syscall.Unmount(w.disk, syscall.MNT_DETACH) })
	w.url = "sqlite:" + filepath.Join(w.disk, "fahuo.db")
	if w.Postgres {
		if err := os.Chmod(w.dir, 0o711); err != nil { //nolint:gosec // it does not run as root and has to get there
			return err
		}
		// Changes of the record are flushed: the server is killed.
		w.postgres, err = proctest.NewPostgresIn(ctx, w.disk, "", "-c", "min_wal_size=32MB", "-c", "max_wal_size=96MB")
		if err != nil {
			return err
		}
		w.onClose(w.postgres.Close)
		w.url = w.postgres.URL("postgres")
		if w.toLedger, err = w.proxy("ledger", w.postgres.Addr()); err != nil {
			return err
		}
	}
	if w.book, err = ledger.Open(ctx, w.url); err != nil {
		return err
	}
	w.onClose(w.book.Close)
	return nil
}

// workersLedger is the ledger's address for the workers: through the proxy.
func (w *world) workersLedger() string {
	if w.toLedger == nil {
		return w.url
	}
	return strings.Replace(w.url, w.postgres.Addr(), w.toLedger.addr(), 1)
}
