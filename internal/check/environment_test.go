package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/check"
	"fahuo/internal/intake"
	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/tasks"
	"fahuo/internal/worker"
)

// What is wrong with a Redis is named, and what to change; that it may be lost is worth a note alone.
func TestRedis(t *testing.T) {
	addr := proctest.Redis(t)
	client := proctest.RedisClient(t, addr)
	set := set(t, nil)
	set.o.Redis = "redis://" + addr
	for _, c := range []struct {
		name     string
		settings []string // CONFIG SET, and nothing is taken back
		fails    bool
		says     string
		note     string
	}{
		{"as it should be", nil, false, "version", ""},
		{"nothing kept", []string{"appendonly", "no"}, false, "version", "set appendonly yes"},
		{"snapshots alone", []string{"save", "60 1"}, false, "version", "snapshots only"},
		{"room enough", []string{"maxmemory", "1gb"}, false, "of 1.0 GiB", "snapshots only"},
		{"evicts", []string{"maxmemory-policy", "allkeys-lru"}, true, "set maxmemory-policy noeviction", ""},
		{"nearly full", []string{"maxmemory-policy", "noeviction", "maxmemory", "1100000"}, true, "raise maxmemory", ""},
	} {
		for i := 0; i < len(c.settings); i += 2 {
			if err := client.ConfigSet(t.Context(), c.settings[i], c.settings[i+1]).Err(); err != nil {
				t.Fatal(err)
			}
		}
		r := set.run()
		if c.fails {
			expect(t, r, c.says, check.Redis)
			continue
		}
		expect(t, r, "")
		step := find(t, r, check.Redis)
		if !strings.Contains(step.Detail, c.says) || !strings.Contains(strings.Join(step.Warnings, "|"), c.note) || (c.note == "") != (len(step.Warnings) == 0) {
			t.Errorf("%s: %+v", c.name, step)
		}
	}
	if err := errors.Join(client.ConfigSet(t.Context(), "maxmemory", "0").Err(), client.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err()); err != nil {
		t.Fatal(err)
	}
	expect(t, set.run(), "replica", check.Redis)
}

// A Redis that carries another ledger's mark is named, with both; a check leaves no mark of its own.
func TestARedisOfAnotherLedger(t *testing.T) {
	addr := proctest.Redis(t)
	s := set(t, nil)
	s.o.Redis = "redis://" + addr
	expect(t, s.run(), "")
	if n, err := proctest.RedisClient(t, addr).DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("the check has left %d keys (%v)", n, err)
	}
	other := set(t, nil)
	belt, err := tasks.Connect("redis://"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	other.with(func(ctx context.Context, b *ledger.Ledger) error {
		_, err := intake.ClaimBelt(ctx, b, belt, "w", "")
		return err
	})
	if err := belt.Close(); err != nil {
		t.Error(err)
	}
	expect(t, s.run(), other.o.Ledger, check.Redis)
}

// A server that may forget what it has committed is a fault where this program has asked for it, and a note where a
// power cut is needed as well.
func TestCommitsThatAreForgotten(t *testing.T) {
	s := set(t, nil)
	s.o.Ledger = proctest.Postgres(t)
	r := s.run()
	expect(t, r, "")
	if step := find(t, r, check.Ledger); !strings.Contains(step.Detail, "PostgreSQL") || !strings.Contains(strings.Join(step.Warnings, "|"), "fsync=off") {
		t.Errorf("%+v", step)
	}
	s.o.Ledger += "&synchronous_commit=off"
	expect(t, s.run(), "synchronous_commit=off", check.Ledger)
}

// A ledger that was not there is said to be new: a worker's would not be.
func TestANewLedgerIsNamed(t *testing.T) {
	s := set(t, nil)
	for _, isNew := range []bool{true, false} {
		if step := find(t, s.run(), check.Ledger); strings.Contains(strings.Join(step.Warnings, "|"), "has been made now") != isNew {
			t.Errorf("%v: %+v", isNew, step)
		}
	}
}

// A host that tells nothing, and an embedded Redis, are no faults, and said.
func TestWhatCannotBeLookedAt(t *testing.T) {
	s := set(t, nil)
	s.host(func(h *host) { h.err = errors.ErrUnsupported })
	r := s.run()
	expect(t, r, "")
	for _, id := range []check.ID{check.Files, check.Disk, check.ClockSync, check.Redis} {
		if step := find(t, r, id); step.Status != check.Skipped {
			t.Errorf("%+v", step)
		}
	}
	if step := find(t, r, check.Redis); !strings.Contains(step.Detail, "embedded: it is inside the worker") {
		t.Errorf("%+v", step)
	}
	s.host(func(h *host) { h.kept = false })
	if step := find(t, s.run(), check.ClockSync); step.Status != check.Passed || len(step.Warnings) != 1 {
		t.Errorf("%+v", step)
	}
	s.o.Host = check.ThisHost{} // whatever machine this is: it answers
	for _, id := range []check.ID{check.Files, check.Disk} {
		if step := find(t, s.run(), id); step.Detail == "" {
			t.Errorf("%+v", step)
		}
	}
}

// TLS that does not verify is refused with the name and what is wrong with it; one that ends soon is told in time.
func TestTLS(t *testing.T) {
	soon, far := time.Now().Add(10*24*time.Hour), time.Now().Add(60*24*time.Hour)
	good, goodPool := certificate(t, far, "localhost")
	ending, endingPool := certificate(t, soon, "localhost")
	expired, expiredPool := certificate(t, time.Now().Add(-time.Hour), "localhost")
	early, earlyPool := certificate(t, time.Now().Add(200*24*time.Hour), "localhost")
	other, otherPool := certificate(t, far, "mapi.example.com")
	for name, c := range map[string]struct {
		gateway alipaytest.Options
		client  alipay.Options
		says    string // empty: it verifies
		note    string
	}{
		"good":        {alipaytest.Options{TLS: good}, alipay.Options{RootCAs: goodPool}, "", ""},
		"ends soon":   {alipaytest.Options{TLS: ending}, alipay.Options{RootCAs: endingPool}, "", "expires within 10 days"},
		"expired":     {alipaytest.Options{TLS: expired}, alipay.Options{RootCAs: expiredPool}, "the certificate of localhost expired on 20", ""},
		"not yet":     {alipaytest.Options{TLS: early}, alipay.Options{RootCAs: earlyPool}, "the certificate of localhost is not valid before", ""},
		"other name":  {alipaytest.Options{TLS: other}, alipay.Options{RootCAs: otherPool}, "the certificate of localhost is not for this name but for mapi.example.com", ""},
		"self-signed": {alipaytest.Options{TLS: good}, alipay.Options{RootCAs: otherPool}, "the certificate of localhost is self-signed", ""},
		"plain":       {alipaytest.Options{}, alipay.Options{RootCAs: goodPool}, "does not look like a TLS handshake", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := set(t, func(o *alipaytest.Options) { o.TLS = c.gateway.TLS })
			_, port, err := net.SplitHostPort(s.gateway.Addr())
			if err != nil {
				t.Fatal(err)
			}
			c.client.Gateway = "https://localhost:" + port + alipaytest.Path
			s.client(c.client)
			r := s.run()
			if c.says != "" {
				expect(t, r, c.says, check.TLS)
				return
			}
			expect(t, r, "")
			step := find(t, r, check.TLS)
			if step.Status != check.Passed || !strings.Contains(step.Detail, "localhost verifies") || !strings.Contains(strings.Join(step.Warnings, "|"), c.note) || (c.note == "") != (len(step.Warnings) == 0) {
				t.Errorf("%+v", step)
			}
			if step := find(t, r, check.DNS); !strings.Contains(step.Detail, "localhost is ") {
				t.Errorf("%+v", step)
			}
		})
	}
}

// An address that is kept in a file is not followed when it changes (S1).
func TestANameInTheHostsFile(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	certs, pool := certificate(t, time.Now().Add(60*24*time.Hour), "mapi.alipay.com")
	for text, pinned := range map[string]bool{
		"127.0.0.1 localhost\n":                          false,
		"# 192.0.2.1 mapi.alipay.com\n":                  false,
		"192.0.2.1 www.alipay.com\n":                     false,
		"192.0.2.1\tshop MAPI.alipay.com. # since May\n": true,
	} {
		if err := os.WriteFile(hosts, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := set(t, nil)
		s.gateway = secured(t, s.setup, certs)
		s.client(alipay.Options{Gateway: alipay.ProductionGateway, RootCAs: pool, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.gateway.Addr())
		}})
		s.o.Resolver, s.o.Hosts = answering(t), hosts
		r := s.run()
		expect(t, r, "")
		if step := find(t, r, check.DNS); (len(step.Warnings) == 1) != pinned || !strings.Contains(step.Detail, "192.0.2.1") {
			t.Errorf("%q: %+v", text, step)
		}
	}
}

// An account out of Alipay's examples is checked all the same, and what it costs is said (A3).
func TestDemoIdentities(t *testing.T) {
	const demo = "2088101122136241"
	for name, c := range map[string]struct {
		partner, key, gateway, says string
	}{
		"partner":     {demo, testKey, alipay.ProductionGateway, demo},
		"key":         {partner, "11111111111111111111111111111111", alipay.ProductionGateway, "placeholder"},
		"host":        {partner, testKey, "https://mapi.alipaydev.com/gateway.do", "mapi.alipaydev.com"},
		"nothing":     {partner, testKey, alipay.ProductionGateway, ""},
		"on loopback": {demo, testKey, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			creds := credentials()
			creds.Partner, creds.Key = c.partner, alipay.NewSecret(c.key)
			s := set(t, func(o *alipaytest.Options) { o.Accounts = []alipaytest.Account{{Credentials: creds}} })
			s.o.Accounts[0].Credentials = &creds
			if c.gateway != "" {
				// A gateway of that name, as far as the client can tell; it answers here.
				certs, pool := certificate(t, time.Now().Add(60*24*time.Hour), "mapi.alipay.com", "mapi.alipaydev.com")
				s.gateway = secured(t, s.setup, certs)
				s.client(alipay.Options{Gateway: c.gateway, RootCAs: pool, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, s.gateway.Addr())
				}})
				s.o.Resolver = answering(t)
			}
			r := s.run()
			expect(t, r, "")
			step := find(t, r, check.Demo)
			told := strings.Contains(strings.Join(step.Warnings, "|"), "3 %")
			if told != (c.says != "") || !strings.Contains(step.Detail, c.says) || find(t, r, check.Key).Status != check.Passed {
				t.Errorf("%+v", step)
			}
		})
	}
}

// Of several accounts each is checked: one's fault is not the others'.
func TestSeveralAccounts(t *testing.T) {
	second := credentials()
	second.Partner = "2088900000000002"
	s := set(t, func(o *alipaytest.Options) { o.Accounts = append(o.Accounts, alipaytest.Account{Credentials: second}) })
	s.o.Accounts = append(s.o.Accounts, worker.Account{Interval: interval, Credentials: &second})
	expect(t, s.run(), "")
	s.refuse("ILLEGAL_SIGN")
	r := s.run()
	expect(t, r, "ILLEGAL_SIGN", check.Key)
	if r.Failures()[0].Account != partner {
		t.Errorf("%+v", r.Failures())
	}
}

func TestTheReportForPrograms(t *testing.T) {
	s := set(t, nil)
	s.refuse("ILLEGAL_SIGN")
	var b bytes.Buffer
	if err := s.run().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OK    bool
		Steps []struct {
			ID, Account, Status, Detail, Do string
			Warnings                        []string
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.OK || len(got.Steps) < 20 || strings.Contains(b.String(), "null") {
		t.Fatalf("%v\n%s", err, b.String())
	}
	for _, step := range got.Steps {
		if step.ID == "key" && (step.Status != "failed" || step.Account != partner || step.Do == "") {
			t.Errorf("%+v", step)
		}
	}
}
