package webhook

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const testSecret = "whsec_dGhlLXNlY3JldC1vZi1hLXRlc3QtMDEyMzQ1Njc4OQ==" // of tests

func load(t *testing.T, c Config) (Webhook, error) {
	t.Helper()
	c.SecretEnvs = []string{"SECRET"}
	all, err := Load([]Config{c}, "", func(string) string { return testSecret })
	if err != nil {
		return Webhook{}, err
	}
	return all[0], nil
}

func send(t *testing.T, w Webhook) Answer {
	t.Helper()
	c := NewClient(time.Minute)
	defer c.Close()
	return c.Send(t.Context(), w, "evt_1", []byte(`{}`))
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "172.32.0.1": true, "100.128.0.1": true, "2606:4700::1111": true, "2400:3200::1": true,
		"0.0.0.0": false, "10.1.2.3": false, "100.64.0.1": false, "127.0.0.1": false, "127.9.9.9": false, "169.254.169.254": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.0.0.8": false, "192.0.2.1": false, "192.88.99.1": false, "192.168.1.1": false,
		"198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false,
		"255.255.255.255": false, "::": false, "::1": false, "::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false,
		"64:ff9b::a00:1": false, "64:ff9b:1::1": false, "100::1": false, "2001::1": false, "2001:db8::1": false, "2002:a00:1::": false,
		"3fff::1": false, "5f00::1": false, "fc00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// A receiver that is not public is not connected to, whatever its name; with allow_private it is.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	reached := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer server.Close()
	url := func(host string) string {
		return fmt.Sprintf("http://%s:%s/", host, server.URL[strings.LastIndex(server.URL, ":")+1:])
	}
	// Past the checks of the configuration, as if the names had led elsewhere when it was read.
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433", "0x7f000001"} {
		answer := send(t, Webhook{Name: "erp", URL: url(host)})
		if answer.Err == nil || len(reached) > 0 {
			t.Errorf("%s: %+v", host, answer)
		}
	}
	if answer := send(t, Webhook{URL: url("localhost")}); !strings.Contains(answer.Err.Error(), "allow_private") {
		t.Errorf("the error does not say what to do: %v", answer.Err)
	}
	w, err := load(t, Config{URL: url("127.0.0.1"), AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	if answer := send(t, w); answer.Status != http.StatusOK || len(reached) != 1 {
		t.Errorf("allowed: %+v", answer)
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	c := NewClient(time.Second)
	for _, client := range []*http.Client{c.public, c.anyPlaces} {
		if transport, ok := client.Transport.(*http.Transport); !ok || transport.Proxy != nil {
			t.Error("a proxy of the environment would connect to what is not checked")
		}
	}
}

func TestAnswers(t *testing.T) {
	elsewhere := make(chan struct{}, 1)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} }))
	defer other.Close()
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/endless":
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		case "/silent":
			<-released
		}
	}))
	defer server.Close()
	defer close(released)
	answer := func(path string, timeout time.Duration) Answer {
		w, err := load(t, Config{URL: server.URL + path + "?token=hidden", AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		c := NewClient(timeout)
		defer c.Close()
		return c.Send(context.Background(), w, "evt_1", []byte(`{}`))
	}
	if a := answer("/redirect", time.Minute); a.Status != http.StatusTemporaryRedirect || len(elsewhere) > 0 {
		t.Errorf("a redirect: %+v", a)
	}
	if a := answer("/busy", time.Minute); a.Status != http.StatusServiceUnavailable || a.RetryAfter != 2*time.Minute {
		t.Errorf("busy: %+v", a)
	}
	if a := answer("/endless", time.Minute); a.Status != http.StatusOK {
		t.Errorf("an answer without end: %+v", a)
	}
	if a := answer("/silent", 500*time.Millisecond); a.Err == nil || a.Err.Error() != "no answer within 500ms" {
		t.Errorf("silent: %+v", a)
	}
	server.CloseClientConnections()
	w, _ := load(t, Config{URL: "http://127.0.0.1:1/?token=hidden", AllowPrivate: true})
	if a := send(t, w); a.Err == nil || strings.Contains(a.Err.Error(), "hidden") {
		t.Errorf("refused: %v", a.Err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, " 5 ": 5 * time.Second, "-3": 0, "soon": 0, "99999999999": 0,
		"Sun, 01 Nov 2026 12:01:00 GMT": time.Minute, "Sun, 01 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
