package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/redis/go-redis/v9"

	"fahuo/internal/proctest"
)

// redisServer is a redis-server which may be killed, rolled back and started again.
type redisServer struct {
	*proctest.RedisServer
	dir string
}

func newRedisServer(dir string) (*redisServer, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	server, err := proctest.NewRedis(dir)
	return &redisServer{server, dir}, err
}

// start starts it. A rewrite would change the append-only files while they are copied.
func (s *redisServer) start(ctx context.Context, extra ...string) error {
	return s.Start(ctx, append([]string{"--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--repl-diskless-load", "on-empty-db"}, extra...)...)
}

func (s *redisServer) client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.Addr()}) }

// copyFiles copies the append-only files as they stand.
func (s *redisServer) copyFiles(name string) (string, error) {
	to := filepath.Join(s.dir, name)
	if err := os.RemoveAll(to); err != nil {
		return "", err
	}
	return to, os.CopyFS(to, os.DirFS(s.Files()))
}

// putBack replaces the append-only files of a server that does not run by a copy of them.
func (s *redisServer) putBack(copied string) error {
	return errors.Join(os.RemoveAll(s.Files()), os.Rename(copied, s.Files()))
}

func (s *redisServer) wipe() error { return os.RemoveAll(s.Files()) }

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
