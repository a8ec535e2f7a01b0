package proctest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Postgres returns the postgres:// address of a new, empty database. One server serves all tests of a test
// binary; it ends with it, however that ends.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	db, err := sql.Open("pgx", server.URL("postgres"))
	if err == nil {
		_, err = db.ExecContext(context.Background(), "CREATE DATABASE "+name)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatalf("create a database: %v\n%s", err, server.Log())
	}
	return server.URL(name)
}

var databases atomic.Int64

// sharedPostgres writes nothing to the disk that it need not: the tests that use it kill no machine.
var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) { return NewPostgres(context.Background(), "", "-c", "fsync=off") })

// PostgresServer is a PostgreSQL of a test's own, which may be stopped and started again.
type PostgresServer struct {
	dir, port string
	options   []string
	cmd       *exec.Cmd
	hold      *os.File // as long as it is open, the server runs
}

// NewPostgres makes a database cluster in a temporary directory and starts it, on the given port or, if that
// is empty, on a free one.
func NewPostgres(ctx context.Context, port string, options ...string) (*PostgresServer, error) {
	dir, err := os.MkdirTemp("", "fahuo-postgres-")
	if err != nil {
		return nil, err
	}
	return NewPostgresIn(ctx, dir, port, options...)
}

// NewPostgresIn is NewPostgres in an empty directory that is there already; all that is in it goes with the
// server.
func NewPostgresIn(ctx context.Context, dir, port string, options ...string) (*PostgresServer, error) {
	initdb, err := postgresProgram("initdb")
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{dir: dir, port: port, options: options}
	credential, err := postgresUser(dir)
	if err != nil {
		return nil, err
	}
	init := exec.CommandContext(ctx, initdb, //nolint:gosec // the machine's own PostgreSQL
		"--pgdata", filepath.Join(dir, "data"), "--username", "fahuo", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
	init.Dir, init.SysProcAttr = dir, &syscall.SysProcAttr{Credential: credential}
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Start(ctx)
}

// watch runs the server until its standard input ends: with the process that has started it, if not before.
const watch = `dir=$1; shift; "$@" >>"$dir/log" 2>&1 </dev/null & pid=$!
read -r how; kill -"${how:-QUIT}" $pid; wait $pid; [ -n "$how" ] || rm -rf "$dir"`

// Start starts the server and waits until it answers.
func (s *PostgresServer) Start(ctx context.Context) error {
	program, err := postgresProgram("postgres")
	if err != nil {
		return err
	}
	credential, err := postgresUser(s.dir)
	if err != nil {
		return err
	}
	if s.port == "" {
		if s.port, err = Port(); err != nil {
			return err
		}
	}
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	args := append([]string{
		"-c", watch, "watch", s.dir, program, "-D", filepath.Join(s.dir, "data"), "-p", s.port, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "shared_buffers=64MB", "-c", "log_min_messages=warning",
	}, s.options...)
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...) //nolint:gosec // the machine's own PostgreSQL
	s.cmd.Dir, s.cmd.Stdin, s.cmd.SysProcAttr = s.dir, out, &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	err = errors.Join(s.cmd.Start(), out.Close())
	if err != nil {
		return errors.Join(err, in.Close())
	}
	s.hold = in
	return s.await(ctx, func(error) bool { return false })
}

// await waits until the server answers, or what it says instead tells that it will not.
func (s *PostgresServer) await(ctx context.Context, hopeless func(error) bool) error {
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	limit := time.After(patience)
	ticker := time.NewTicker(20 * time.Millisecond) // another program's start gives no signal
	defer ticker.Stop()
	for {
		if err = db.PingContext(ctx); err == nil || hopeless(err) {
			return errors.Join(err, db.Close())
		}
		select {
		case <-ticker.C:
		case <-limit:
			return errors.Join(fmt.Errorf("postgres does not answer: %w\n%s", err, s.Log()), db.Close())
		}
	}
}

// Stop stops the server by a signal's name: INT ends all connections and closes in order, QUIT and KILL do
// not. The data stay. It may be started again.
func (s *PostgresServer) Stop(signal string) error {
	_, err := fmt.Fprintln(s.hold, signal)
	err = errors.Join(err, s.hold.Close())
	_ = s.cmd.Wait() // the shell's exit code is the server's, killed as it was
	return err
}

// Revive starts the server again if it has ended by itself, as it does when it cannot write its log, be it while it
// recovers.
func (s *PostgresServer) Revive(ctx context.Context) error {
	ended := func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
	err := s.await(ctx, ended)
	if ended(err) {
		_ = s.Stop("KILL") // there is nothing left to be killed
		return s.Start(ctx)
	}
	return err
}

// Close ends the server and removes its data.
func (s *PostgresServer) Close() error {
	err := s.hold.Close()
	_ = s.cmd.Wait() // the shell's exit code is the server's, killed as it was
	return err
}

// URL is the address of a database.
func (s *PostgresServer) URL(database string) string {
	return "postgres://fahuo@" + s.Addr() + "/" + database + "?sslmode=disable"
}

// Addr is HOST:PORT.
func (s *PostgresServer) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Log is what the server has to say.
func (s *PostgresServer) Log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// postgresProgram finds a program of PostgreSQL: in PATH, or where Debian puts it, the newest version.
func postgresProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", errors.New(name + " is missing; install PostgreSQL with scripts/install-test-deps or apt-get install postgresql")
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// postgresUser makes a directory fit for PostgreSQL, which refuses to run as root: then the user postgres
// gets it.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // no other user is needed
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
