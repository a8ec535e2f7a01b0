package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What is quick is done in each round, what is slow in as many as it may cost, and what fails in each again.
func TestSparing(t *testing.T) {
	for took, want := range map[time.Duration]int{0: 60, 200 * time.Millisecond: 30, time.Second: 8, time.Minute: 8} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			f := sparing(15*time.Second, func(context.Context) error { n++; time.Sleep(took); return nil }) // simulated
			for range 60 {
				if err := f(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
			}
			if n != want {
				t.Errorf("what takes %v is done %d times in 60 rounds", took, n)
			}
		})
	}
	n := 0
	f := sparing(time.Hour, func(context.Context) error { n++; return errors.New("away") })
	for range 3 {
		if f(t.Context()) == nil {
			t.Error("passes for one that went well")
		}
	}
	if n != 3 {
		t.Errorf("tried %d times", n)
	}
}
