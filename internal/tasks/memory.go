package tasks

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// oomPause is how long a command that Redis refused for want of memory keeps its caller. asynq's lanes ask
// again at once: without it each spins, thousands of times a second, on a Redis that is in need already.
const oomPause = 200 * time.Millisecond

// outOfMemory slows down those whom Redis refuses for want of memory.
type outOfMemory struct{}

var _ redis.Hook = outOfMemory{}

// DialHook implements redis.Hook.
func (outOfMemory) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (outOfMemory) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return slowed(ctx, next(ctx, cmd)) }
}

// ProcessPipelineHook implements redis.Hook.
func (outOfMemory) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return slowed(ctx, next(ctx, cmds)) }
}

func slowed(ctx context.Context, err error) error {
	if err == nil || !strings.Contains(err.Error(), "OOM command not allowed") {
		return err
	}
	timer := time.NewTimer(oomPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return err
}

// NoEviction is the maxmemory-policy under which Redis throws nothing away.
const NoEviction = "noeviction"

// Forgets tells, in words for a person, that this Redis throws keys away when its memory is full; empty when
// it does not, or will not say.
func (b *Belt) Forgets(ctx context.Context) (string, error) {
	f, err := b.Facts(ctx)
	if err != nil {
		return "", err
	}
	if f.Policy == "" || f.Policy == NoEviction || f.MaxMemory == 0 {
		return "", nil
	}
	return fmt.Sprintf("this Redis throws tasks away when its %d bytes are full (maxmemory-policy %s); they are put back from the ledger within "+
		"a minute or so, but set maxmemory-policy noeviction", f.MaxMemory, f.Policy), nil
}
