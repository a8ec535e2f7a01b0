package proctest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis starts a redis-server with an append-only file in a directory of the test's own and returns its
// address. It is killed when the test ends.
func Redis(t testing.TB) string {
	t.Helper()
	s, err := NewRedis(t.TempDir())
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log of redis-server:\n%s", s.Log())
		}
	})
	return s.Addr()
}

// RedisClient is a client for looking into a test's Redis.
func RedisClient(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// RedisServer is a redis-server of a test's own with an append-only file, which may be stopped and started
// again. It evicts nothing.
type RedisServer struct {
	dir, port string
	cmd       *exec.Cmd
}

// NewRedis finds a free port for a server in dir, which must exist. It is not started yet.
func NewRedis(dir string) (*RedisServer, error) {
	port, err := Port()
	return &RedisServer{dir: dir, port: port}, err
}

// Start starts the server, with more options if there are any, and waits until it answers and has loaded its
// data.
func (s *RedisServer) Start(ctx context.Context, options ...string) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is missing; install it with scripts/install-test-deps or apt-get install redis-server")
	}
	log, err := os.OpenFile(s.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	args := append([]string{
		"--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction",
	}, options...)
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // the machine's own redis-server
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := errors.Join(s.cmd.Start(), log.Close()); err != nil {
		s.cmd = nil
		return err
	}
	return s.await(ctx)
}

func (s *RedisServer) await(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: s.Addr()})
	// Whoever gives up must find the server running, or it could not be stopped in order.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond) // another program's start gives no signal
	defer ticker.Stop()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return client.Close()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("redis-server does not answer: %w\n%s", err, s.Log()), client.Close())
		}
	}
}

// Stop ends the server by a signal and waits for it. The data stay. It may be started again. One that does not
// run is stopped already.
func (s *RedisServer) Stop(signal syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Signal(signal)
	_ = s.cmd.Wait() // its exit code tells how it was ended
	s.cmd = nil
	return err
}

// Addr is HOST:PORT.
func (s *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Files is the directory of the append-only files.
func (s *RedisServer) Files() string { return filepath.Join(s.dir, "appendonlydir") }

// Log is what the server has to say.
func (s *RedisServer) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *RedisServer) logFile() string { return filepath.Join(s.dir, "log") }
