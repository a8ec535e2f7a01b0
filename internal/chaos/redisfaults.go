package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"
)

func (w *world) redisNow() *redisServer { return w.redis[w.primary] }

func redisRestart(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	err := w.redisNow().Stop(syscall.SIGTERM)
	wait(ctx, e.For)
	return errors.Join(err, w.redisNow().start(ctx))
}

// redisLoss: what was written in the last second before the kill had not reached the disk.
func redisLoss(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	copied, err := w.redisNow().copyFiles("second")
	if err != nil {
		return err
	}
	wait(ctx, time.Second)
	err = w.redisNow().Stop(syscall.SIGKILL)
	wait(ctx, e.For)
	return errors.Join(err, w.redisNow().putBack(copied), w.redisNow().start(ctx))
}

// redisBack: the last backup is put back, which is as old as the last time that somebody rolled back.
func redisBack(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	fresh, err := w.redisNow().copyFiles(fmt.Sprintf("backup%d", e.Choice))
	if err != nil {
		return err
	}
	if w.old == "" {
		w.old = fresh
		wait(ctx, 10*time.Second) // the first: so that there is something to lose
		if fresh, err = w.redisNow().copyFiles(fmt.Sprintf("backup%d-", e.Choice)); err != nil {
			return err
		}
	}
	err = w.redisNow().Stop(syscall.SIGKILL)
	wait(ctx, e.For)
	back := w.old
	w.old = fresh
	return errors.Join(err, w.redisNow().putBack(back), w.redisNow().start(ctx))
}

// failover: a replica that has not got the last seconds becomes the primary.
func failover(ctx context.Context, w *world, e Event, _ *rand.Rand) error {
	primary, replica := w.redis[w.primary], w.redis[1-w.primary]
	host, port, err := net.SplitHostPort(w.replication.addr())
	if err != nil {
		return err
	}
	if err := errors.Join(replica.wipe(), w.replication.repoint(primary.Addr())); err != nil {
		return err
	}
	if err := replica.start(ctx, "--replicaof", host, port); err != nil {
		return err
	}
	client := replica.client()
	defer func() { _ = client.Close() }() // a connection to a test's own server
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err = poll(limited, func() bool {
		role, err := client.Do(limited, "role").Slice()
		return err == nil && len(role) > 3 && role[3] == "connected"
	})
	if err != nil {
		return errors.Join(fmt.Errorf("the replica does not follow: %w", err), replica.Stop(syscall.SIGKILL))
	}
	err = w.replication.poison(latency("downstream", 30*time.Second, 0))
	wait(ctx, e.For)
	err = errors.Join(err, primary.Stop(syscall.SIGKILL))
	w.replication.cut() // what is on its way is lost
	err = errors.Join(err, client.ReplicaOf(context.WithoutCancel(ctx), "NO", "ONE").Err())
	w.primary = 1 - w.primary
	w.old = "" // a backup of the other server
	return errors.Join(err, w.toRedis.repoint(replica.Addr()), w.connectBelt())
}

func flushAll(ctx context.Context, w *world, _ Event, _ *rand.Rand) error {
	return w.ownBelt().Redis().FlushAll(ctx).Err()
}
