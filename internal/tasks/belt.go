package tasks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynq/x/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"fahuo/internal/shipment"
)

// Embedded is the address that stands for a Redis inside the worker process.
const Embedded = "embedded"

// Belt is a connection to the belt. It is safe for concurrent use; every method may be repeated.
type Belt struct {
	redis     redis.UniversalClient
	client    *asynq.Client
	inspector *asynq.Inspector
	url       string // without password
}

// Connect prepares a connection to rawURL: redis://, rediss://, redis-sentinel://…/?master=NAME or
// redis-cluster://h1:p,h2:p; "embedded" is the Redis inside the worker, at embeddedAddr. It does not
// go out: that Redis is away shows when it is used.
func Connect(rawURL, embeddedAddr string) (*Belt, error) {
	logging.Disable() // the client's own lines on standard error: whoever uses the belt says it better
	if rawURL == Embedded {
		rawURL = "redis://" + embeddedAddr
	}
	client, err := newRedis(rawURL)
	if err != nil {
		return nil, err
	}
	client.AddHook(outOfMemory{})
	shown := rawURL
	if u, err := url.Parse(rawURL); err == nil {
		shown = u.Redacted()
	}
	return &Belt{
		redis: client, client: asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client), url: shown,
	}, nil
}

// Check tells whether Connect would understand an address.
func Check(rawURL string) error {
	if rawURL == Embedded {
		return nil
	}
	client, err := newRedis(rawURL)
	if err != nil {
		return err
	}
	return client.Close()
}

func newRedis(rawURL string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	switch scheme {
	case "redis", "rediss":
		o, err := redis.ParseURL(rawURL)
		if err != nil {
			return nil, addressError(err)
		}
		o.MaintNotificationsConfig = quiet()
		return redis.NewClient(o), nil
	case "redis-sentinel":
		o, err := asynq.ParseRedisURI(rawURL)
		if err != nil {
			return nil, addressError(err)
		}
		if sentinel, ok := o.(asynq.RedisFailoverClientOpt); ok && sentinel.MasterName == "" {
			return nil, addressError(errors.New("redis-sentinel://…/?master=NAME: the master's name is missing"))
		}
		client, ok := o.MakeRedisClient().(redis.UniversalClient)
		if !ok {
			return nil, addressError(errors.New("no client for it"))
		}
		return client, nil
	case "redis-cluster":
		return newCluster(rest)
	}
	return nil, addressError(errors.New("it begins with none of redis://, rediss://, redis-sentinel://, redis-cluster:// and is not \"embedded\""))
}

// addressError keeps the address, which may carry a password, out of the error.
func addressError(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) { // the parser quotes what it does not understand, which may be the password
		err = errors.New("it does not read redis://:PASSWORD@HOST:6379/0; in a password, write % / # ? @ : as %25 %2F %23 %3F %40 %3A")
	}
	return fmt.Errorf("the Redis address cannot be used: %w", err)
}

func newCluster(rest string) (redis.UniversalClient, error) {
	var user, password string
	if at := strings.LastIndex(rest, "@"); at >= 0 { // the last: a password may hold one
		user, password, _ = strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
	}
	if strings.ContainsAny(rest, "?#") {
		return nil, addressError(errors.New("redis-cluster://USER:PASSWORD@HOST:PORT,HOST:PORT takes no parameters"))
	}
	addrs := strings.Split(strings.TrimSuffix(rest, "/"), ",")
	for _, addr := range addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, addressError(err)
		}
	}
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, Username: user, Password: password, MaintNotificationsConfig: quiet(),
	}), nil
}

// quiet keeps the client from asking servers for notifications that plain Redis does not know.
func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// URL is the belt's address without its password.
func (b *Belt) URL() string { return b.url }

// Redis is the one connection pool, for asynq's servers.
func (b *Belt) Redis() redis.UniversalClient { return b.redis }

// Ping tells whether Redis answers.
func (b *Belt) Ping(ctx context.Context) error { return b.redis.Ping(ctx).Err() }

// Close closes the connections.
func (b *Belt) Close() error { return b.redis.Close() }

// Put puts an item in line. That it is there already is success: the id is the item's own.
func (b *Belt) Put(ctx context.Context, i Item) error {
	return put(ctx, b.client, i)
}

// PutDead puts a dead letter into its queue; one that is there already is replaced.
func (b *Belt) PutDead(ctx context.Context, d DeadLetter) error {
	task, err := d.task()
	if err != nil {
		return err
	}
	if err := b.RemoveDead(ctx, d.Shipment.Key()); err != nil {
		return err
	}
	return enqueue(ctx, b.client, task, d.Shipment.Key().String())
}

func enqueue(ctx context.Context, client *asynq.Client, task *asynq.Task, id string) error {
	_, err := client.EnqueueContext(ctx, task)
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("put task %s: %w", id, err)
	}
	return nil
}

func put(ctx context.Context, client *asynq.Client, i Item) error {
	task, err := i.task()
	if err != nil {
		return err
	}
	return enqueue(ctx, client, task, i.ID())
}

// RemoveDead takes a dead letter's task away, wherever in its queue it is; that it is not there is success. It
// does so by itself: asynq's Inspector knows nothing of a queue whose name Redis has lost, nor of a task whose
// list it has lost.
func (b *Belt) RemoveDead(ctx context.Context, k shipment.Key) error {
	id := k.String()
	_, err := b.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for _, list := range []string{"pending", "active"} {
			p.LRem(ctx, key(QueueDead, list), 0, id)
		}
		for _, set := range []string{"lease", "scheduled", "retry", "archived", "completed"} {
			p.ZRem(ctx, key(QueueDead, set), id)
		}
		p.Del(ctx, key(QueueDead, "t:"+id))
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove dead letter %s: %w", k, err)
	}
	return nil
}

// Publish makes asynq's tools see the accounts' queues and the dead letters'. asynq does so once in a process's
// life, and a Redis that was wiped has forgotten it.
func (b *Belt) Publish(ctx context.Context, partners []string) error {
	names := []any{QueueDead}
	for _, p := range partners {
		for name := range Queues(p) {
			names = append(names, name)
		}
	}
	if err := b.redis.SAdd(ctx, "asynq:queues", names...).Err(); err != nil {
		return fmt.Errorf("publish the queues: %w", err)
	}
	return nil
}

// Archived counts what asynq has given up in an account's queues and the dead-letter queue. It must
// stay 0.
func (b *Belt) Archived(ctx context.Context, partners []string) (n int64, err error) {
	names := []string{QueueDead}
	for _, p := range partners {
		for name := range Queues(p) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		count, oneErr := b.redis.ZCard(ctx, key(name, "archived")).Result()
		if oneErr != nil {
			err = errors.Join(err, fmt.Errorf("count archived tasks of queue %s: %w", name, oneErr))
		}
		n += count
	}
	return n, err
}

// ErrForeign says that the belt was loaded from another ledger.
var ErrForeign = errors.New("this Redis belongs to another ledger")

// marker is the key that names the ledger from which the belt was loaded.
const marker = "fahuo:ledger"

// Claim compares the belt's marker with the ledger's identity and returns the belt's own random id. An empty
// id says that there is no marker: the belt is new or was wiped, and is to be Marked and loaded from the
// ledger. ErrForeign names both ledgers.
func (b *Belt) Claim(ctx context.Context, identity, ledgerURL string) (id string, err error) {
	found, err := b.redis.HGetAll(ctx, marker).Result()
	switch {
	case err != nil:
		return "", fmt.Errorf("read the belt's marker: %w", err)
	case found["identity"] == "":
		return "", nil // whatever else stands there: nobody's
	case found["identity"] != identity:
		return "", fmt.Errorf("%w: %s was loaded from ledger %s (%s), this process uses %s (%s); "+
			"use the ledger and the Redis that belong together", ErrForeign, b.url, found["url"], found["identity"], ledgerURL, identity)
	}
	return found["id"], nil
}

// mark writes the whole marker or nothing: one that was wiped in between, or of which a part was lost, would
// name no ledger, or no belt.
var mark = redis.NewScript(`
local known = redis.call("HMGET", KEYS[1], "identity", "id")
if known[1] and known[1] ~= "" and (known[1] ~= ARGV[1] or known[2]) then
	return 0
end
redis.call("DEL", KEYS[1])
redis.call("HSET", KEYS[1], "identity", ARGV[1], "url", ARGV[2], "since", ARGV[3], "id", ARGV[4])
return 1`)

// Mark writes the marker, unless somebody else was faster, and returns the belt's id. When that was another
// ledger it is ErrForeign.
func (b *Belt) Mark(ctx context.Context, identity, ledgerURL string) (id string, err error) {
	err = mark.Run(ctx, b.redis, []string{marker}, identity, ledgerURL, time.Now().Format(time.RFC3339), rand.Text()).Err()
	if err != nil {
		return "", fmt.Errorf("write the belt's marker: %w", err)
	}
	return b.Claim(ctx, identity, ledgerURL)
}

// Name tells this Redis from every other one, for people: its address without the password, and the host for
// one that only its own host can reach.
func (b *Belt) Name() string {
	u, err := url.Parse(b.url)
	if err != nil {
		return b.url
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return b.url
	}
	host, err := os.Hostname()
	if err != nil {
		return b.url
	}
	return b.url + " on " + host
}

// Collector gives asynq's own metrics of every queue.
func (b *Belt) Collector() prometheus.Collector { return metrics.NewQueueMetricsCollector(b.inspector) }
