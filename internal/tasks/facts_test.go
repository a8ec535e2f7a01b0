package tasks_test

import (
	"testing"

	"fahuo/internal/proctest"
	"fahuo/internal/tasks"
)

func TestFactsOfARedis(t *testing.T) {
	addr := proctest.Redis(t)
	client := proctest.RedisClient(t, addr)
	belt, err := tasks.Connect("redis://"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = belt.Close() }()
	facts := func(settings ...string) tasks.Facts {
		t.Helper()
		for i := 0; i < len(settings); i += 2 {
			if err := client.ConfigSet(t.Context(), settings[i], settings[i+1]).Err(); err != nil {
				t.Fatal(err)
			}
		}
		f, err := belt.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := facts()
	if f.Version == "" || !f.AppendOnly || f.Snapshots || f.Broken != "" || f.Policy != tasks.NoEviction || f.MaxMemory != 0 || f.UsedMemory == 0 || f.Replica || f.Loading {
		t.Errorf("as tests start it: %+v", f)
	}
	f = facts("appendonly", "no", "save", "60 1", "maxmemory-policy", "allkeys-lru", "maxmemory", "50000000")
	if f.AppendOnly || !f.Snapshots || f.Policy != "allkeys-lru" || f.MaxMemory != 50000000 {
		t.Errorf("changed: %+v", f)
	}
	if err := client.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if f = facts(); !f.Replica {
		t.Errorf("a replica: %+v", f)
	}
	if err := client.Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
		t.Fatal(err)
	}
	if err := belt.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := belt.Facts(t.Context()); err == nil {
		t.Error("a closed connection told something")
	}
}
