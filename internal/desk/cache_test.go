package desk

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCountedLastsAsLongAsItWasWorth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, made := newCache(), 0
		ask := func() int {
			n, err := counted(c, "x", func() (int, error) {
				made++
				time.Sleep(500 * time.Millisecond)
				return made, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		ask()
		time.Sleep(4900 * time.Millisecond)
		if n := ask(); n != 1 {
			t.Errorf("made anew after less than ten times as long: %d", n)
		}
		time.Sleep(200 * time.Millisecond)
		if n := ask(); n != 2 {
			t.Errorf("%d", n)
		}
		c.empty()
		if n := ask(); n != 3 {
			t.Errorf("kept over an act: %d", n)
		}
		if _, err := counted(c, "y", func() (int, error) { return 0, errors.New("away") }); err == nil {
			t.Error("an error was lost")
		}
	})
}

func TestSteadyLetsNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &Desk{counts: newCache(), uploads: newUploads(), ctx: ctx, cancel: cancel}
		made := 0
		ask := func() (n int, waited time.Duration) {
			start := time.Now()
			n, err := steady(t.Context(), d, "x", func(ctx context.Context) (int, error) {
				made++
				n := made
				select {
				case <-time.After(time.Second):
					return n, nil
				case <-ctx.Done():
					return 0, ctx.Err()
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			return n, time.Since(start)
		}
		if n, waited := ask(); n != 1 || waited != time.Second {
			t.Errorf("%d after %v", n, waited)
		}
		time.Sleep(30 * time.Second)
		for range 3 { // many at once: it is made anew once
			if n, waited := ask(); n != 1 || waited != 0 {
				t.Errorf("%d after %v", n, waited)
			}
		}
		time.Sleep(2 * time.Second)
		if n, _ := ask(); n != 2 || made != 2 {
			t.Errorf("%d, made %d times", n, made)
		}
		time.Sleep(2 * time.Minute) // nobody has looked for long: that old is not shown
		if n, waited := ask(); n != 3 || waited != time.Second {
			t.Errorf("%d after %v", n, waited)
		}
		// What was being counted when somebody acted is not kept.
		time.Sleep(30 * time.Second)
		ask()
		synctest.Wait()
		d.counts.empty()
		time.Sleep(2 * time.Second)
		if n, _ := ask(); n != 5 {
			t.Errorf("%d: a count from before an act", n)
		}
		time.Sleep(30 * time.Second)
		ask()
		d.Stop() // ends what is being counted
	})
}

// Nobody waits for a count for longer than his patience, and it is made once, for whoever looks again.
func TestSoonWaitsForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &Desk{counts: newCache(), uploads: newUploads(), ctx: ctx, cancel: cancel, countPatience: 100 * time.Millisecond}
		var made atomic.Int64
		takes, fault := time.Second, error(nil)
		look := func() (n int, there bool, waited time.Duration, err error) {
			start := time.Now()
			takes, fault := takes, fault // it may be at it when the next one takes something else
			n, there, err = soon(t.Context(), d, "x", func(context.Context) (int, error) {
				n := int(made.Add(1))
				time.Sleep(takes)
				return n, fault
			})
			return n, there, time.Since(start), err
		}
		for range 2 {
			if n, there, waited, err := look(); there || waited != 100*time.Millisecond || err != nil || made.Load() != 1 {
				t.Errorf("%d %v after %v, made %d times (%v)", n, there, waited, made.Load(), err)
			}
		}
		time.Sleep(time.Second)
		if n, there, waited, _ := look(); n != 1 || !there || waited != 0 {
			t.Errorf("%d %v after %v", n, there, waited)
		}
		d.counts.empty() // somebody has acted: what was counted before is not shown
		if _, there, _, _ := look(); there || made.Load() != 2 {
			t.Errorf("%v, made %d times", there, made.Load())
		}
		d.counts.empty() // and what is being counted is not waited for
		takes = 50 * time.Millisecond
		if n, there, waited, _ := look(); n != 3 || !there || waited != takes {
			t.Errorf("%d %v after %v", n, there, waited)
		}
		d.counts.empty()
		fault = errors.New("away")
		if _, _, _, err := look(); !errors.Is(err, fault) {
			t.Errorf("an error was lost: %v", err)
		}
		d.Stop()
	})
}
