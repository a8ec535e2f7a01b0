package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Facts are what a person who sets Redis up may want to know of it. What the server does not say is empty or 0.
type Facts struct {
	Version    string
	AppendOnly bool   // it keeps an append-only file
	Snapshots  bool   // it saves itself now and then
	Broken     string // the last attempt at either that failed, for people; empty: none
	Policy     string // maxmemory-policy
	MaxMemory  int64  // bytes; 0: no limit
	UsedMemory int64
	Loading    bool
	Replica    bool // it is one, and takes no writes
}

// Facts asks the server.
func (b *Belt) Facts(ctx context.Context) (Facts, error) {
	text, err := b.redis.Info(ctx).Result()
	if err != nil {
		return Facts{}, fmt.Errorf("ask Redis about itself: %w", err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	f := Facts{
		Version: info["redis_version"], AppendOnly: info["aof_enabled"] == "1", Policy: info["maxmemory_policy"],
		MaxMemory: number(info["maxmemory"]), UsedMemory: number(info["used_memory"]),
		Loading: info["loading"] == "1", Replica: info["role"] == "slave",
	}
	for _, name := range []string{"aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"} {
		if value := info[name]; value != "" && value != "ok" {
			f.Broken = name + " is " + value
			break
		}
	}
	// Managed servers do not tell their configuration; then nothing is known of it.
	if save, err := b.redis.ConfigGet(ctx, "save").Result(); err == nil {
		f.Snapshots = save["save"] != ""
	}
	return f, nil
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
