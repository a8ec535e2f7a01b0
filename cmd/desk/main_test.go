package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
)

// program is the real binary, built once; scripts and tests run it as processes of their own.
var program string

func TestMain(m *testing.M) {
	os.Exit(proctest.Main(m, "desk", &program, http.DefaultClient.CloseIdleConnections))
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": proctest.Exits, "mode": mode, "session": session},
	})
}

// mode demands a file's mode: mode 0600 FILE.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// session opens a session in the ledger: session NAME.
func session(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	book, err := ledger.Open(ctx, "sqlite:"+ts.MkAbs("fahuo.db"))
	ts.Check(err)
	ts.Check(errors.Join(book.OpenSession(ctx, "digest of "+args[0], args[0], "192.0.2.1", time.Hour), book.Close()))
}

// users makes a users file and returns its path.
func users(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.yaml")
	cmd := exec.CommandContext(t.Context(), program, "user", "add", "wang", "--role", "operator", "--users", path)
	cmd.Stdin = strings.NewReader("correct horse battery\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

var address = regexp.MustCompile(`The desk is at (http://127\.0\.0\.1:[0-9]+)\n`)

// The desk prints where it is, answers there, and ends gently.
func TestServesUntilToldToStop(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			p := proctest.Start(t, t.TempDir(), nil, program, "--listen", "127.0.0.1:0", "--users", users(t))
			p.WaitFor("serving")
			found := address.FindStringSubmatch(p.Output())
			if found == nil {
				t.Fatalf("no address in %s", p.Output())
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, found[1]+"/login", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("%s %v", answer.Status, err)
			}
			p.Signal(signal)
			if code := p.Exit(); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// A ledger that is away is waited for, and said to be away; a desk that waits can be stopped.
func TestWaitsForTheLedger(t *testing.T) {
	t.Parallel()
	away := "postgres://fahuo@" + proctest.Deserted(t) + "/fahuo"
	p := proctest.Start(t, t.TempDir(), []string{"DATABASE_URL=" + away}, program, "--listen", "127.0.0.1:0", "--users", users(t))
	p.WaitFor("the ledger cannot be opened yet; waiting")
	p.Signal(syscall.SIGINT)
	if code := p.Exit(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// Where something else listens already, the desk says so and what to do.
func TestTheAddressIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // nobody came
	p := proctest.Start(t, t.TempDir(), nil, program, "--listen", taken.Addr().String(), "--users", users(t))
	if code := p.Exit(); code != 2 || !strings.Contains(p.Output(), "something else listens at "+taken.Addr().String()) || !strings.Contains(p.Output(), "give another address") {
		t.Errorf("exit %d: %s", code, p.Output())
	}
}
