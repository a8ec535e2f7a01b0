package settings_test

import (
	"strings"
	"testing"

	"fahuo/internal/settings"
)

// An address that is taken is told of with what to do, and as what only a person mends.
func TestListen(t *testing.T) {
	const flag = "--listen (FAHUO_API_LISTEN)"
	first, err := settings.Listen(t.Context(), flag, "127.0.0.1:0", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}()
	for addr, says := range map[string]string{
		first.Addr().String(): "another enqueue serve?); stop it, or give another address",
		"127.0.0.1:99999":     flag,
	} {
		_, err := settings.Listen(t.Context(), flag, addr, "another enqueue serve")
		if err == nil || !settings.IsUsage(err) || !strings.Contains(err.Error(), flag) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true, "": false, "0.0.0.0": false, "10.0.0.1": false, "example.com": false,
	} {
		if settings.Loopback(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}
