package tasks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"fahuo/internal/tasks"
)

func TestAddressesBecomeClients(t *testing.T) {
	for address, c := range map[string]struct{ shown, kind string }{
		"embedded":                                      {"redis://127.0.0.1:7", "single"},
		"redis://127.0.0.1:6379/2":                      {"redis://127.0.0.1:6379/2", "single"},
		"rediss://user:geheim@r.example:6380":           {"rediss://user:xxxxx@r.example:6380", "single"},
		"redis-cluster://u:geheim@h1:1,h2:2":            {"redis-cluster://u:xxxxx@h1:1,h2:2", "cluster"},
		"redis-cluster://h1:1/":                         {"redis-cluster://h1:1/", "cluster"},
		"redis-sentinel://:geheim@h1:1,h2:2/3?master=m": {"redis-sentinel://:xxxxx@h1:1,h2:2/3?master=m", "single"},
	} {
		b, err := tasks.Connect(address, "127.0.0.1:7")
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if b.URL() != c.shown {
			t.Errorf("%s is shown as %s, want %s", address, b.URL(), c.shown)
		}
		kind := "single"
		if _, ok := b.Redis().(*redis.ClusterClient); ok {
			kind = "cluster"
		}
		if kind != c.kind {
			t.Errorf("%s: a client of kind %s, want %s", address, kind, c.kind)
		}
		if err := b.Close(); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestClusterAddressInParts(t *testing.T) {
	for address, want := range map[string]redis.ClusterOptions{
		"redis-cluster://h1:1,h2:2":      {Addrs: []string{"h1:1", "h2:2"}},
		"redis-cluster://h1:1,h2:2/":     {Addrs: []string{"h1:1", "h2:2"}},
		"redis-cluster://u:p:q@[::1]:1":  {Addrs: []string{"[::1]:1"}, Username: "u", Password: "p:q"},
		"redis-cluster://:p@h1:1,h2:2":   {Addrs: []string{"h1:1", "h2:2"}, Password: "p"},
		"redis-cluster://onlyuser@h1:10": {Addrs: []string{"h1:10"}, Username: "onlyuser"},
	} {
		b, err := tasks.Connect(address, "")
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		client, ok := b.Redis().(*redis.ClusterClient)
		if !ok {
			t.Fatalf("%s: %T", address, b.Redis())
		}
		got := client.Options()
		slices.Sort(got.Addrs) // the client shuffles them
		if !slices.Equal(got.Addrs, want.Addrs) || got.Username != want.Username || got.Password != want.Password {
			t.Errorf("%s: %v %q %q", address, got.Addrs, got.Username, got.Password)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConnectSaysWhatIsWrongWithoutThePassword(t *testing.T) {
	for address, want := range map[string]string{
		"redis://:geheim@h:port":                 "it does not read",
		"redis://:geheim@h:1/x":                  "database number",
		"redis://:geheim@h:1?nonsense=1":         "nonsense",
		"redis://:%zzgeheim@h:1":                 "it does not read",
		"redis-sentinel://:geheim@h:x/?master=m": "it does not read",
		"redis-cluster://u:geheim@h1":            "missing port",
		"redis-cluster://u:geheim@h1:1,h2":       "missing port",
		"redis-sentinel://h1:26379":              "the master's name is missing",
		"redis-cluster://h1:1?password=geheim":   "takes no parameters",
		"http://:geheim@h":                       "begins with none of",
		"geheim":                                 "begins with none of",
		"":                                       "begins with none of",
	} {
		b, err := tasks.Connect(address, "")
		if err == nil {
			t.Errorf("%s is accepted as %s", address, b.URL())
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "geheim") || !strings.Contains(text, "the Redis address cannot be used") {
			t.Errorf("%s: %v", address, err)
		}
		if checked := tasks.Check(address); checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: Check says %v, Connect %v", address, checked, err)
		}
	}
}
