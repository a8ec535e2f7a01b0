package main

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fahuo/internal/proctest"
	"fahuo/internal/shipment"
)

func TestARedisOfAnotherLedgerIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	p := s.start()
	p.WaitFor("working")
	p.Signal(syscall.SIGTERM)
	p.Exit()
	other := "sqlite:" + filepath.Join(s.dir, "other.db")
	code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), "DATABASE_URL="+other), program, "run")
	if code != 2 || !strings.Contains(out, "other.db") || !strings.Contains(out, "fahuo.db") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// A ledger has one live belt. A second worker with another Redis is refused while the first says that it
// uses its own, and taken once the first, killed, says nothing more.
func TestASecondRedisIsRefusedWhileTheFirstIsInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	first := s.start()
	first.WaitFor("working")
	other := "REDIS_URL=redis://" + proctest.Redis(t)
	code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), other), program, "run")
	if code != 2 || !strings.Contains(out, s.redis) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	s.accept(2)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	s.accept(3)
	first.Kill()
	s.start(other)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 3 })
	s.lawful()
}

// A worker that is stopped gives the belt back: one with another Redis goes on at once. As long as any worker
// uses the belt, whoever has left it, another Redis is refused.
func TestTheBeltIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, true)
	first, second := s.start(), s.start()
	first.WaitFor("working")
	second.WaitFor("working")
	other := "REDIS_URL=redis://" + proctest.Redis(t)
	stop := func(p *proctest.Process) {
		p.Signal(syscall.SIGTERM)
		if code := p.Exit(); code != 0 {
			t.Fatalf("exit %d", code)
		}
	}
	stop(first)
	if code, out := proctest.Run(t, s.dir, append(slices.Clone(s.env), other), program, "run"); code != 2 || !strings.Contains(out, s.redis) {
		t.Errorf("one is left, and another Redis is taken: exit %d:\n%s", code, out)
	}
	stop(second)
	third := s.start(other)
	third.WaitFor("working")
	if strings.Contains(third.Output(), "waiting") || strings.Contains(third.Output(), "last used") {
		t.Errorf("it waited for workers that had stopped:\n%s", third.Output())
	}
	s.accept(2)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	third.Kill()
	fourth := s.start() // back to the first Redis: the killed one's word lapses
	fourth.WaitFor("last used by a worker")
	fourth.WaitFor("if it was stopped, this one goes on at")
	s.accept(3)
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 3 })
	s.lawful()
}

// Ledger and Redis may be away; the worker waits and goes on by itself.
func TestWaitsForRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100*time.Millisecond, false)
	s.accept(2)
	port := proctest.FreePort(t)
	p := s.start("REDIS_URL=redis://127.0.0.1:" + port)
	p.WaitFor("waiting")
	embedded := proctest.Start(t, s.dir, nil, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "")
	embedded.WaitFor("Ready to accept")
	s.until("shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 2 })
	s.lawful()
}

func TestThreeProcessesOnOneRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t, 200*time.Millisecond, true)
	s.accept(30)
	for range 3 {
		s.start()
	}
	s.until("all shipped", time.Minute, func() bool { return s.count(shipment.Shipped) == 30 })
	s.lawful()
	if n := s.shipCalls(); n != 30 {
		t.Errorf("%d ship calls for 30 shipments", n)
	}
}
