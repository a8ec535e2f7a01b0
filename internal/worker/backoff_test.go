package worker

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelayOfEachFailure(t *testing.T) {
	r := Retry{Base: 2 * time.Second, Cap: 9 * time.Second}
	for _, c := range []struct {
		failures int64
		random   float64
		want     time.Duration
	}{
		{0, 0, 2 * time.Second},
		{1, 0, 2 * time.Second},
		{2, 0, 4 * time.Second},
		{3, 0, 8 * time.Second},
		{4, 0, 9 * time.Second}, // not 16
		{5, 0, 9 * time.Second},
		{1000, 0, 9 * time.Second},
		{1, 0.5, 2250 * time.Millisecond},
		{2, 1, 5 * time.Second},
		{5, 1, 11250 * time.Millisecond},
	} {
		if got := r.delay(c.failures, c.random); got != c.want { // fatal: what is wrong here may not come back below
			t.Fatalf("delay(%d, %v) = %v, want %v", c.failures, c.random, got, c.want)
		}
	}
}

func TestABaseBeyondTheCapIsTheCap(t *testing.T) {
	if got := (Retry{Base: time.Hour, Cap: time.Minute}).delay(1, 0); got != time.Minute {
		t.Errorf("base over cap: %v", got)
	}
	const longest = 1 << 62 // nanoseconds: doubled, it is no longer a Duration
	if got := (Retry{Base: longest, Cap: longest}).delay(2, 0); got != longest {
		t.Errorf("a base at the cap is doubled: %v", got)
	}
}

func TestDelayProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.Int64Range(1, int64(time.Hour)).Draw(t, "base")
		r := Retry{Base: time.Duration(base), Cap: time.Duration(rapid.Int64Range(base, int64(24*time.Hour)).Draw(t, "cap"))}
		failures := rapid.Int64Range(1, 100).Draw(t, "failures")
		random := rapid.Float64Range(0, 1).Draw(t, "random")
		plain, spread := r.delay(failures, 0), r.delay(failures, random)
		if plain < r.Base || plain > r.Cap {
			t.Fatalf("%v is not from %v to %v", plain, r.Base, r.Cap)
		}
		if spread < plain || spread > plain+plain/4+1 {
			t.Fatalf("spread to %v, more than a quarter from %v", spread, plain)
		}
		if next := r.delay(failures+1, 0); next != min(2*plain, r.Cap) {
			t.Fatalf("after %v comes %v, neither twice as much nor the cap %v", plain, next, r.Cap)
		}
	})
}

// The delays that are drawn cannot be told to the nanosecond, but one failure's never reach the next one's.
func TestDelayAfterFailureAndAfterSilence(t *testing.T) {
	r := Retry{Base: 4 * time.Second, Cap: time.Hour}
	within := func(what string, got, least time.Duration) {
		t.Helper()
		if got < least || got > least*5/4 {
			t.Errorf("%s: %v, want %v and up to a quarter more", what, got, least)
		}
	}
	for range 20 {
		within("first failure", r.after(1), 4*time.Second)
		within("second failure", r.after(2), 8*time.Second)
		within("second silence", r.afterSilence(2), 4*time.Second)
		within("third silence", r.afterSilence(3), 8*time.Second)
	}
	for _, failures := range []int64{0, 1} {
		if got := r.afterSilence(failures); got != 0 {
			t.Errorf("after %d silences %v, want none", failures, got)
		}
	}
	drawn := make(map[time.Duration]bool)
	for range 20 {
		drawn[r.after(1)] = true
	}
	if len(drawn) == 1 {
		t.Error("what failed together comes back together")
	}
}
