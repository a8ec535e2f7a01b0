package api

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counted is a batch that has a version, and how often it was read.
type counted struct {
	version      atomic.Int64
	looks, tells atomic.Int64
}

func (c *counted) batch() Batch { return Batch{Version: strconv.FormatInt(c.version.Load(), 10)} }

func (c *counted) watches(under *readings) *watches {
	return &watches{
		look: func(context.Context, string, []string) (*batchLook, error) {
			c.looks.Add(1)
			return &batchLook{Batch: c.batch()}, nil
		},
		tell: func(context.Context, string, []string) (*Batch, error) {
			c.tells.Add(1)
			b := c.batch()
			return &b, nil
		},
		readings: under, of: make(map[string]*watch),
	}
}

// waitFor lets some requests wait for a batch that changes after a while, and counts what is read for them.
func waitFor(t *testing.T, n int, known string, change, wait time.Duration) (looks, tells int64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, under := &counted{}, newReadings()
		defer under.stop()
		all := c.watches(under)
		want := "0"
		if change < wait {
			want = "1"
		}
		var waiting sync.WaitGroup
		for i := range n {
			waiting.Go(func() {
				if known != "" { // who knows nothing has to be told what is now
					time.Sleep(time.Duration(i) * time.Millisecond)
				}
				start := time.Now()
				w, leave := all.enter("b", []string{someone})
				defer leave()
				b, err := w.await(t.Context(), t.Context(), known, wait)
				if err != nil || b.Version != want || time.Since(start) > min(change, wait)+lookEvery {
					t.Errorf("%+v, %v after %v", b, err, time.Since(start))
				}
			})
		}
		time.Sleep(change)
		c.version.Add(1)
		waiting.Wait()
		if len(all.of) > 0 {
			t.Error("nobody waits any more, and it is watched")
		}
		looks, tells = c.looks.Load(), c.tells.Load()
	})
	return looks, tells
}

// However many wait for a batch, it is read as often as for one, and all of it for the answer alone.
func TestABatchIsReadOnceForAllThatWaitForIt(t *testing.T) {
	for name, c := range map[string]struct {
		known        string
		change, wait time.Duration
	}{
		"a change":   {"0", 10*time.Second + time.Millisecond, time.Minute},
		"none":       {"0", 2 * time.Minute, time.Minute},
		"from now":   {"", 10*time.Second + time.Millisecond, time.Minute},
		"short wait": {"0", time.Minute, time.Second + time.Millisecond},
	} {
		looks, tells := waitFor(t, 1, c.known, c.change, c.wait)
		manyLooks, manyTells := waitFor(t, 64, c.known, c.change, c.wait)
		if tells != 1 || manyTells > 2 || manyLooks > looks+1 || looks > int64(min(c.change, c.wait)/lookEvery)+2 { // the last come a little later
			t.Errorf("%s: for one it is looked at %d times and told %d, for many %d and %d", name, looks, tells, manyLooks, manyTells)
		}
	}
}

// Who comes while others wait and knows what they do not yet is not answered with what it knows.
func TestAnOlderLookIsNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, under := &counted{}, newReadings()
		defer under.stop()
		all := c.watches(under)
		var waiting sync.WaitGroup
		wait := func(known, want string) {
			waiting.Go(func() {
				w, leave := all.enter("b", []string{someone})
				defer leave()
				if b, err := w.await(t.Context(), t.Context(), known, time.Minute); err != nil || b.Version != want {
					t.Errorf("from %s: %+v, %v", known, b, err)
				}
			})
		}
		wait("0", "1")
		synctest.Wait()
		c.version.Store(1)
		wait("1", "2")
		time.Sleep(10 * time.Second)
		c.version.Store(2)
		waiting.Wait()
	})
}
