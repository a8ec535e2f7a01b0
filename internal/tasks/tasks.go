// Package tasks is the belt as everybody sees it: asynq's queues in Redis, their names, the tasks in
// them, and how one is put there and taken away. Nothing is decided from the belt; a task too many
// costs a look, a task too few is put back from the ledger.
//
// An account has three queues, served in this order:
//
//	ship-<partner>-urgent   task id <partner>:<trade_no>
//	ship-<partner>-retry    task id <partner>:<trade_no>#<n>: what was begun before
//	ship-<partner>          task id <partner>:<trade_no>
//
// and all share the queue dead-letter, which nothing consumes.
//
// asynq is never allowed to give up for us: it archives what has no retries left and deletes the
// archive beyond 10,000 tasks, so MaxRetry is as good as unlimited and the retry budget is counted
// in the ledger.
package tasks

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"fahuo/internal/shipment"
)

// Task types and queues that other programs may look for.
const (
	TypeConfirm = "shipment:confirm"
	TypeDead    = "shipment:dead"
	QueueDead   = "dead-letter"
)

// Line is one of an account's three queues.
type Line int

// The lines, in the order in which they are served.
const (
	Urgent Line = iota
	Retry
	Main
)

const retrySuffix = "-retry"

// Queue is the name of an account's queue.
func Queue(partner string, l Line) string {
	switch l {
	case Urgent:
		return "ship-" + partner + "-urgent"
	case Retry:
		return "ship-" + partner + retrySuffix
	case Main:
	}
	return "ship-" + partner
}

// Queues maps an account's queues to their priorities, for a server with strict priority.
func Queues(partner string) map[string]int {
	return map[string]int{Queue(partner, Urgent): 3, Queue(partner, Retry): 2, Queue(partner, Main): 1}
}

// taskTimeout is far above any wait, holds included: asynq must never end a handler that waits. A
// timeout of zero would become 30 minutes.
const taskTimeout = 10 * 365 * 24 * time.Hour

// Item is a shipment and its place on the belt.
type Item struct {
	shipment.Shipment
	Line Line
	N    int64     // Retry: makes the task's id unique; the ledger's version of the row
	At   time.Time // not before; zero: now
}

// ID is the task's id.
func (i Item) ID() string {
	if i.Line == Retry {
		return i.Key().String() + "#" + strconv.FormatInt(i.N, 10)
	}
	return i.Key().String()
}

// ParseID reads a task's id; n is 0 for one that is not from a retry queue. An error says that the id names no
// shipment that a ledger can hold: whatever the task is, its id means nothing.
func ParseID(id string) (k shipment.Key, n int64, err error) {
	name, number, numbered := strings.Cut(id, "#")
	if numbered {
		if n, err = strconv.ParseInt(number, 10, 64); err != nil {
			return shipment.Key{}, 0, fmt.Errorf("task id %q: %w", id, err)
		}
	}
	k, err = shipment.ParseKey(name)
	return k, n, err
}

func (i Item) task() (*asynq.Task, error) {
	payload, err := json.Marshal(i.Shipment)
	if err != nil {
		return nil, fmt.Errorf("task %s: %w", i.ID(), err)
	}
	options := []asynq.Option{
		asynq.TaskID(i.ID()), asynq.Queue(Queue(i.Partner, i.Line)),
		asynq.MaxRetry(math.MaxInt32), asynq.Timeout(taskTimeout),
	}
	if !i.At.IsZero() {
		// asynq cuts times to whole seconds; it must not come early.
		options = append(options, asynq.ProcessAt(i.At.Add(time.Second-1).Truncate(time.Second)))
	}
	return asynq.NewTask(TypeConfirm, payload, options...), nil
}

// ParsePayload reads a task's payload. Unknown fields are ignored: order systems may put their own
// beside ours.
func ParsePayload(b []byte) (shipment.Shipment, error) {
	var s shipment.Shipment
	if err := json.Unmarshal(b, &s); err != nil {
		return shipment.Shipment{}, fmt.Errorf("payload is not a shipment: %w", err)
	}
	return s.Normalize(), nil
}

// DeadLetter is the payload of a task in the dead-letter queue.
type DeadLetter struct {
	Shipment    shipment.Shipment `json:"shipment"`
	Reason      shipment.Reason   `json:"reason"`
	ErrorCode   string            `json:"error_code"`
	TradeStatus string            `json:"trade_status"`
	At          time.Time         `json:"at"`
}

func (d DeadLetter) task() (*asynq.Task, error) {
	payload, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("dead letter %s: %w", d.Shipment.Key(), err)
	}
	return asynq.NewTask(TypeDead, payload, asynq.TaskID(d.Shipment.Key().String()), asynq.Queue(QueueDead),
		asynq.MaxRetry(math.MaxInt32), asynq.Timeout(taskTimeout)), nil
}
