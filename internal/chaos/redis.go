package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a redis-server with an append-only file, which may be killed, rolled back and started
// again.
type redisServer struct {
	dir, addr, port string
	cmd             *exec.Cmd
}

func (s *redisServer) start(ctx context.Context, extra ...string) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redis-server is missing; install it with scripts/install-test-deps or apt-get install redis-server")
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	args := append([]string{
		"--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
		// A rewrite would change the files while they are copied.
		"--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction", "--repl-diskless-load", "on-empty-db",
	}, extra...)
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // the machine's own redis-server
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, log, log
	if err := errors.Join(s.cmd.Start(), log.Close()); err != nil {
		return err
	}
	return s.await(ctx)
}

// await waits until the server answers and has loaded its data.
func (s *redisServer) await(ctx context.Context) error {
	client := s.client()
	// The end of the run must find the server running, or it could not be ended in order.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := poll(ctx, func() bool { return client.Ping(ctx).Err() == nil })
	return errors.Join(err, client.Close())
}

func (s *redisServer) client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.addr}) }

// end ends the server by a signal and waits for it.
func (s *redisServer) end(signal syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Signal(signal)
	_ = s.cmd.Wait() // its exit code tells how it was ended
	s.cmd = nil
	return err
}

// files is where the append-only files are.
func (s *redisServer) files() string { return filepath.Join(s.dir, "appendonlydir") }

// copyFiles copies the append-only files as they stand.
func (s *redisServer) copyFiles(name string) (string, error) {
	to := filepath.Join(s.dir, name)
	if err := os.RemoveAll(to); err != nil {
		return "", err
	}
	return to, os.CopyFS(to, os.DirFS(s.files()))
}

// putBack replaces the append-only files of a server that does not run by a copy of them.
func (s *redisServer) putBack(copied string) error {
	return errors.Join(os.RemoveAll(s.files()), os.Rename(copied, s.files()))
}

func (s *redisServer) wipe() error { return os.RemoveAll(s.files()) }

// poll asks again and again; for what other processes do, which give no signal.
func poll(ctx context.Context, done func() bool) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain: %w", ctx.Err())
		}
	}
	return nil
}
