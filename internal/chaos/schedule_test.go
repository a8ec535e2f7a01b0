package chaos_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fahuo/internal/chaos"
)

func TestASeedReplaysItsSchedule(t *testing.T) {
	doses := chaos.EveryFault(true)
	one, again := chaos.Schedule(7, time.Minute, doses), chaos.Schedule(7, time.Minute, doses)
	if diff := cmp.Diff(one, again); diff != "" {
		t.Error(diff)
	}
	if slices.Equal(one, chaos.Schedule(8, time.Minute, doses)) {
		t.Error("another seed gives the same schedule")
	}
	if !slices.IsSortedFunc(one, func(a, b chaos.Event) int { return int(a.At - b.At) }) {
		t.Error("not in the order of time")
	}
}

// What a quarter of an hour must hold, whatever the seed.
func TestAQuarterOfAnHourIsEnough(t *testing.T) {
	for seed := range uint64(50) {
		for _, postgres := range []bool{false, true} {
			n := make(map[chaos.Fault]int)
			for _, e := range chaos.Schedule(seed, 15*time.Minute, chaos.EveryFault(postgres)) {
				if e.At < 0 || e.At+e.For > 15*time.Minute {
					t.Fatalf("%v is not within the span", e)
				}
				n[e.Fault]++
			}
			for what, c := range map[string][2]int{
				"kills": {n[chaos.Kill], 300}, "stops": {n[chaos.Stop] + n[chaos.LongStop], 60}, "flushes": {n[chaos.FlushAll], 10},
				"stops of a minute":         {n[chaos.LongStop], 2},
				"Redis restarts and losses": {n[chaos.RedisStop] + n[chaos.RedisLoss] + n[chaos.RedisBack] + n[chaos.Failover], 30},
			} {
				if c[0] < c[1] {
					t.Errorf("seed %d: %d %s, at least %d are wanted", seed, c[0], what, c[1])
				}
			}
			if len(n) != len(chaos.EveryFault(postgres)) {
				t.Errorf("seed %d: only %d kinds of faults", seed, len(n))
			}
		}
	}
}
