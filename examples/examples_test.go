// Package examples_test runs the examples against a real server, and has them verify messages of the published
// library for webhooks.
package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

// commands run the examples, by language.
var commands = map[string][]string{
	"curl":   {"sh", "curl/fahuo.sh"},
	"go":     {"{dir}/go"},
	"python": {"python3", "python/fahuo.py"},
	"php":    {"php", "php/fahuo.php"},
}

// compilers compile those that need it, once, into a directory.
var compilers = map[string][]string{"go": {"go", "build", "-o", "{dir}/go", "./go"}}

func TestMain(m *testing.M) { os.Exit(compileAndRun(m)) }

func compileAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fahuo-examples-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	for _, all := range []map[string][]string{commands, compilers} {
		for _, command := range all {
			for i := range command {
				command[i] = strings.ReplaceAll(command[i], "{dir}", dir)
			}
		}
	}
	for _, command := range compilers {
		if out, err := exec.CommandContext(context.Background(), command[0], command[1:]...).CombinedOutput(); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "%v: %v: %s\n", command, err, out)
			return 1
		}
	}
	return m.Run()
}

const partner = "2088000000000001"

// run runs an example and returns what it prints, and whether it ended well.
func run(t *testing.T, command []string, stdin []byte, env []string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], append(command[1:len(command):len(command)], args...)...)
	cmd.Stdin, cmd.Env = bytes.NewReader(stdin), append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestSend(t *testing.T) {
	bin, err := proctest.Build("enqueue")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) }) // a temporary directory
	program, dir := filepath.Join(bin, "enqueue"), t.TempDir()
	code, out := proctest.Run(t, dir, nil, program, "token", "new", "shop", "--partner", partner, "--tokens", "tokens.yaml")
	if code != 0 {
		t.Fatal(out)
	}
	secret := regexp.MustCompile(`fahuo_\w+`).FindString(out)
	p := proctest.Start(t, dir, []string{"REDIS_URL=redis://127.0.0.1:1"}, program, "serve", "--listen", "127.0.0.1:0", "--tokens", "tokens.yaml")
	p.WaitFor("serving")
	env := []string{"FAHUO_URL=" + regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.Output()), "FAHUO_TOKEN=" + secret}
	book, err := ledger.OpenExisting(t.Context(), "sqlite:"+filepath.Join(dir, "fahuo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	for language, command := range commands {
		t.Run(language, func(t *testing.T) {
			for _, status := range []string{"accepted", "already"} { // the second time it is all there
				out, ok := run(t, command, nil, env, "send")
				if !ok || strings.Count(out, status) < 2 || !strings.Contains(out, "rejected") {
					t.Fatalf("%v: %s", ok, out)
				}
			}
			counts, err := book.Counts(t.Context(), ledger.Scope{Batch: language + "-example"})
			if err != nil || counts[shipment.Queued] != 2 {
				t.Errorf("the ledger has %v, %v", counts, err)
			}
			if out, ok := run(t, command, nil, []string{env[0], "FAHUO_TOKEN=wrong"}, "send"); ok || !strings.Contains(out, "401") {
				t.Errorf("with a wrong token: %v: %s", ok, out)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	const secret, other = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZXhhbXBsZXM/Pw==", "whsec_YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlcg=="
	body := []byte(`{"id":"evt_1","data":{"order_ref":"订单 %s \\ 1"}}` + "\n")
	sign := func(secret, id string, at time.Time) string {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signer.Sign(id, at, body)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	for language, command := range commands {
		t.Run(language, func(t *testing.T) {
			now, old := time.Now(), time.Now().Add(-time.Hour)
			for name, c := range map[string]struct {
				at        time.Time
				signature string
				body      []byte
				genuine   bool
			}{
				"genuine":       {now, sign(secret, "evt_1", now), body, true},
				"two secrets":   {now, sign(other, "evt_1", now) + " " + sign(secret, "evt_1", now), body, true},
				"another's":     {now, sign(other, "evt_1", now), body, false},
				"another id":    {now, sign(secret, "evt_2", now), body, false},
				"another body":  {now, sign(secret, "evt_1", now), []byte("{}"), false},
				"old":           {old, sign(secret, "evt_1", old), body, false},
				"no signature":  {now, "", body, false},
				"another kind":  {now, strings.Replace(sign(secret, "evt_1", now), "v1,", "v2,", 1), body, false},
				"a line's less": {now, sign(secret, "evt_1", now), bytes.TrimSpace(body), false},
			} {
				out, ok := run(t, command, c.body, []string{
					"FAHUO_WEBHOOK_SECRET=" + secret, "WEBHOOK_ID=evt_1", "WEBHOOK_TIMESTAMP=" + strconv.FormatInt(c.at.Unix(), 10), "WEBHOOK_SIGNATURE=" + c.signature,
				}, "verify")
				if ok != c.genuine {
					t.Errorf("%s: %v: %s", name, ok, out)
				}
			}
			if out, ok := run(t, command, nil, nil, "nonsense"); ok {
				t.Errorf("wrong usage: %s", out)
			}
		})
	}
}
