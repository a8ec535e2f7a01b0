package chaos_test

import (
	"os"
	"testing"
	"time"

	"fahuo/internal/chaos"
)

// One account has a mountain of work, ten have a little: the ten keep their pace, and memory stays flat.
func TestOverload(t *testing.T) {
	const few, most = 20, 64 << 20
	interval := 100 * time.Millisecond
	m, err := chaos.Overload(t.Context(), chaos.Config{
		Program: program, Out: os.Stderr, Workers: 2, Accounts: 11, Interval: interval, CallTimeout: 15 * time.Second, Span: *overloadFor,
	}, *mountain, few)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Violations {
		t.Errorf("%v", v)
	}
	calls := 0
	for _, a := range m.Record.Arrivals {
		if a.Ship() && a.Partner == "2088000000000001" {
			calls++
		}
	}
	t.Logf("%d shipments of one account beside 10 × %d: the ten were done after %v, %.2f times what the interval allows; the one had %d calls until then, "+
		"%d in all; memory of a worker %d MB at first, %d MB at most", *mountain, few, m.Others.Round(10*time.Millisecond),
		float64(m.Others)/float64(few*interval), m.Meanwhile, calls, m.Memory[0]>>20, m.Memory[1]>>20)
	// All have the same interval. On a slow machine all are slow; who waits for the mountain is slower than it.
	if m.Meanwhile > 2*few {
		t.Errorf("until the ten had made %d calls each, the account with a mountain made %d: they wait for it", few, m.Meanwhile)
	}
	if grown := m.Memory[1] - m.Memory[0]; grown > most {
		t.Errorf("memory has grown by %d MB", grown>>20)
	}
	if calls < few {
		t.Errorf("the account with a mountain had %d calls only", calls)
	}
}
