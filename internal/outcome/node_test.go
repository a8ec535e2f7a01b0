package outcome_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/proctest"
)

// nodeReceiver starts the receiver in Node.js, which verifies with npm's standardwebhooks.
func nodeReceiver(t *testing.T, port string) *proctest.Process {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	node, err := exec.LookPath("node")
	modules := filepath.Join(here, "../../.cache/standardwebhooks/node_modules")
	if err == nil {
		_, err = os.Stat(filepath.Join(modules, "standardwebhooks"))
	}
	if err != nil {
		t.Fatalf("%v; scripts/install-standardwebhooks installs what this test needs", err)
	}
	p := proctest.Start(t, t.TempDir(), []string{"NODE_PATH=" + modules}, node, filepath.Join(here, "testdata/receiver.cjs"), port, newSecret)
	p.WaitFor("port " + port)
	return p
}

// took are the ids that a receiver has acknowledged.
func took(p *proctest.Process) map[string]bool {
	ids := make(map[string]bool)
	for line := range strings.Lines(p.Output()) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "took" {
			ids[f[1]] = true
		}
	}
	return ids
}

// A receiver in another language, with the published library for it, that fails half of the time and is killed in
// between, verifies everything and gets every outcome.
func TestNodeVerifies(t *testing.T) {
	l := book(t)
	port := proctest.FreePort(t)
	first := nodeReceiver(t, port)
	start(t, l, hooks(t, []string{"http://127.0.0.1:" + port + "/"}, oldSecret, newSecret), time.Second)
	known(t, l, 1)
	happen(t, l, 0, 6)
	first.WaitFor("took")
	first.Kill()
	second := nodeReceiver(t, port)
	happen(t, l, 6, 10)
	until(t, "everything is delivered", func() bool {
		counts, err := l.CountDeliveries(t.Context(), ledger.DeliveryFilter{})
		return err == nil && counts[ledger.DeliveryDelivered] == 20
	})
	// What a receiver has printed may be read a moment after it has answered.
	ids := took(first)
	until(t, "the receivers' words are read", func() bool {
		maps.Copy(ids, took(second))
		return len(ids) >= 20
	})
	events, _, err := l.Events(t.Context(), nil, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if !ids[e.ID] {
			t.Errorf("%s was never taken", e.ID)
		}
	}
	if out := first.Output() + second.Output(); len(ids) != 20 || strings.Contains(out, "refused") {
		t.Errorf("%d ids for 20 events: %s", len(ids), out)
	}
}
