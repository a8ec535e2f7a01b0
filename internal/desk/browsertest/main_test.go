//go:build browser

package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
	"fahuo/internal/ledger/ledgertest"
	"fahuo/internal/proctest"
)

// root is the repository.
const root = "../../.."

// programs is where the built programs are.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var err error
	if programs, err = proctest.Build("desk", "worker", "simulator"); err != nil {
		return fail(err)
	}
	defer func() {
		if err := os.RemoveAll(programs); err != nil {
			code = fail(err)
		}
	}()
	stop, err := startChromium()
	if err != nil {
		return fail(err)
	}
	defer stop()
	return m.Run()
}

// Who there is. The password is a test's.
const (
	operator = "wang"
	other    = "li"
	viewer   = "guest"
	password = "correct horse battery"
)

// stage is a desk process over a ledger, and whatever else a test puts beside it.
type stage struct {
	t    *testing.T
	dir  string
	url  string // of the ledger
	book *ledger.Ledger
	base string // of the desk
}

// set starts a desk over a ledger of the given shape.
func set(t *testing.T, shape ledgertest.Shape) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	s.url = "sqlite:" + filepath.Join(s.dir, "fahuo.db")
	var err error
	s.book, err = ledger.Open(context.Background(), s.url)
	s.must(err)
	t.Cleanup(func() { s.must(s.book.Close()) })
	shape.Now = time.Now()
	s.must(ledgertest.Fill(t.Context(), s.url, shape))
	users := filepath.Join(s.dir, "users.yaml")
	for name, role := range map[string]desk.Role{operator: desk.Operator, other: desk.Operator, viewer: desk.Viewer} {
		user, err := desk.NewUser(name, role, password)
		s.must(err)
		_, err = desk.PutUser(users, user)
		s.must(err)
	}
	address := "127.0.0.1:" + proctest.FreePort(t)
	p := proctest.Start(t, s.dir, []string{"DATABASE_URL=" + s.url}, filepath.Join(programs, "desk"), "--users", users, "--listen", address)
	p.WaitFor("serving")
	s.base = "http://" + address
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// window opens a window for somebody who has logged in.
func (s *stage) window(name, language string) *window {
	s.t.Helper()
	w := openWindow(s.t, s.base, language)
	w.login(name)
	return w
}

// startWorker starts the simulated gateway, a Redis and a worker for the first account, all as real processes.
func (s *stage) startWorker() {
	s.t.Helper()
	key := filepath.Join(s.dir, "key")
	s.must(os.WriteFile(key, []byte("browser-test-key-0123456789abcde\n"), 0o600)) // a test key
	partner, address := ledgertest.Partner(0), "127.0.0.1:"+proctest.FreePort(s.t)
	proctest.Start(s.t, s.dir, []string{"ALIPAY_PARTNER=" + partner, "ALIPAY_KEY_FILE=" + key}, filepath.Join(programs, "simulator"),
		"--listen", address, "--interval", "100ms").WaitFor(address)
	proctest.Start(s.t, s.dir, []string{
		"DATABASE_URL=" + s.url, "REDIS_URL=redis://" + proctest.Redis(s.t), "ALIPAY_PARTNER=" + partner, "ALIPAY_KEY_FILE=" + key,
		"ALIPAY_GATEWAY=http://" + address + "/gateway.do", "FAHUO_INTERVAL=100ms", "FAHUO_LISTEN=off",
	}, filepath.Join(programs, "worker")).WaitFor("starting")
}
