package tasks

import (
	"context"
	"errors"
	"fmt"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// errUndecodable says that asynq has something under a task's id that it cannot read: bytes of somebody
// else's, or half of a task.
var errUndecodable = errors.New("asynq cannot decode the task")

// info is what asynq knows of a task; nil when it knows none.
func (b *Belt) info(ctx context.Context, queue, id string) (*asynq.TaskInfo, error) {
	info, err := b.inspector.GetTaskInfo(queue, id)
	switch {
	case err == nil:
		return info, nil
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return nil, nil //nolint:nilnil // none
	}
	// asynq's errors do not tell a Redis that is away from bytes that it cannot read.
	if pingErr := b.Ping(ctx); pingErr != nil {
		return nil, fmt.Errorf("look for task %s: %w", id, errors.Join(err, pingErr))
	}
	return nil, fmt.Errorf("%w: task %s in queue %s: %w", errUndecodable, id, queue, err)
}

// Odd is something in a queue that asynq cannot decode. It stays in the queue's list of active tasks for ever,
// and keeps asynq from recovering that queue's tasks; ours are brought back without asynq.
type Odd struct{ Queue, ID string }

// Undecodable lists what lies in the active lists of an account's queues and cannot be decoded. Such a task
// becomes active as soon as its turn comes, so no other list need be looked at.
func (b *Belt) Undecodable(ctx context.Context, partner string) ([]Odd, error) {
	var odd []Odd
	for queue := range Queues(partner) {
		ids, err := b.redis.LRange(ctx, key(queue, "active"), 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("read queue %s: %w", queue, err)
		}
		for _, id := range ids {
			switch info, err := b.info(ctx, queue, id); {
			case errors.Is(err, errUndecodable), err == nil && info == nil:
				// A task that has been finished since the list was read is no longer in it.
				if b.redis.LPos(ctx, key(queue, "active"), id, redis.LPosArgs{}).Err() == nil {
					odd = append(odd, Odd{queue, id})
				}
			case err != nil:
				return nil, err
			}
		}
	}
	return odd, nil
}
