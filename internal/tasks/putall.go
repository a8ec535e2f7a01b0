package tasks

import (
	"context"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// PutAll puts items in line in their order, as Put does one by one, with one way to Redis and back for all of them. Its
// errors are the items'; nil: that one is in line. A process that dies in between has put some of the first.
func (b *Belt) PutAll(ctx context.Context, items []Item) []error {
	errs := make([]error, len(items))
	// The first goes by itself: Redis knows asynq's script afterwards, and the others are sent by its name alone.
	if b.putSingly(ctx, items[:min(1, len(items))], errs); len(items) < 2 {
		return errs
	}
	if errs[0] != nil {
		b.putSingly(ctx, items[1:], errs[1:])
		return errs
	}
	line := &pipeline{UniversalClient: b.redis, pipe: b.redis.Pipeline()}
	client := asynq.NewClientFromRedisClient(line)
	sent := make([]*redis.Cmd, len(items))
	for i := 1; i < len(items); i++ {
		line.last = nil
		if errs[i] = put(ctx, client, items[i]); errs[i] == nil {
			sent[i] = line.last
		}
	}
	_, _ = line.pipe.Exec(ctx) // each command has its own answer
	for i, cmd := range sent {
		if cmd == nil {
			continue
		}
		if _, err := cmd.Int64(); err != nil {
			// Failed and not done, or failed and done: either way it is put again from here on, which takes what is
			// there for success. So those behind it stay behind it.
			b.putSingly(ctx, items[i:], errs[i:])
			break
		}
	}
	return errs
}

// putSingly puts items one by one. When Redis does not answer it does not ask for each of them.
func (b *Belt) putSingly(ctx context.Context, items []Item, errs []error) {
	for i, item := range items {
		if errs[i] = b.Put(ctx, item); errs[i] == nil || b.Ping(ctx) == nil {
			continue
		}
		for rest := range items[i+1:] {
			errs[i+1+rest] = errs[i]
		}
		return
	}
}

// pipeline is a connection for asynq's client that keeps the scripts it is told to run until all of them are sent. So
// asynq remains the only one that knows what a task in Redis looks like.
type pipeline struct {
	redis.UniversalClient
	pipe redis.Pipeliner
	last *redis.Cmd
}

// EvalSha keeps a script and answers what asynq takes for success; what Redis says of it is looked at later.
func (p *pipeline) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	p.last = p.pipe.EvalSha(ctx, sha1, keys, args...)
	p.last.SetVal(int64(1))
	return p.last
}
