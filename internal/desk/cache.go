package desk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// cache keeps counts for a moment, since many people look at the same pages and every look would count anew. An act
// through this desk empties it, so nobody sees a count from before what he has done.
type cache struct {
	mu     sync.Mutex
	known  map[string]cached
	making map[string]*making // being made beside the requests, by key and number of acts
	acts   int64              // how often it was emptied: what was counted before an act is not kept after it
}

type cached struct {
	value any
	made  time.Time
	until time.Time
}

// making is a value that is being made; it is there when done is closed.
type making struct {
	done  chan struct{}
	value any
	err   error
}

// How long a count may be shown: ten times as long as it took, within bounds.
const (
	cacheLeast = 2 * time.Second
	cacheMost  = 15 * time.Second
	cacheStale = time.Minute // for what steady and soon keep
	cacheSize  = 1000
)

// countPatience is how long a list waits for the number of its rows before it is shown without: half of what a page
// may take.
const countPatience = 100 * time.Millisecond

func newCache() *cache {
	return &cache{known: make(map[string]cached), making: make(map[string]*making)}
}

func (c *cache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	c.acts++
}

// find looks a value up.
func find[T any](c *cache, key string) (value T, known cached, acts int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known = c.known[key]
	value, ok := known.value.(T)
	if !ok {
		known = cached{}
	}
	return value, known, c.acts
}

// keep remembers what was made, unless somebody has acted since it was begun.
func (c *cache) keep(key string, value any, start time.Time, acts int64) {
	now := time.Now()
	lasts := min(cacheMost, max(cacheLeast, 10*now.Sub(start)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acts != acts {
		return
	}
	if len(c.known) >= cacheSize {
		clear(c.known)
	}
	c.known[key] = cached{value, now, now.Add(lasts)}
}

// counted is the value under a key, made by f unless it has just been.
func counted[T any](c *cache, key string, f func() (T, error)) (T, error) {
	value, known, acts := find[T](c, key)
	start := time.Now()
	if start.Before(known.until) {
		return value, nil
	}
	value, err := f()
	if err == nil {
		c.keep(key, value, start, acts)
	}
	return value, err
}

// steady is counted for what takes long to count: nobody waits for it who comes within a minute of the last one. He
// gets what was counted then, and it is counted anew beside him, for the next.
func steady[T any](ctx context.Context, d *Desk, key string, f func(context.Context) (T, error)) (T, error) {
	value, _, err := await(ctx, d, key, nil, f)
	return value, err
}

// soon is steady for what a page can be shown without: after countPatience it is not there yet, and whoever looks
// again finds it.
func soon[T any](ctx context.Context, d *Desk, key string, f func(context.Context) (T, error)) (value T, there bool, err error) {
	timer := time.NewTimer(d.countPatience)
	defer timer.Stop()
	return await(ctx, d, key, timer.C, f)
}

// await is the value under a key, if it is there before the reader has waited for long enough (nil: for as long as it
// takes). It is made beside the requests, once for everybody.
func await[T any](ctx context.Context, d *Desk, key string, enough <-chan time.Time, f func(context.Context) (T, error)) (value T, there bool, err error) {
	value, known, acts := find[T](d.counts, key)
	now := time.Now()
	if now.Before(known.until) {
		return value, true, nil
	}
	m := start(d, key, acts, f)
	if known.value != nil && now.Sub(known.made) <= cacheStale {
		return value, true, nil
	}
	select {
	case <-m.done:
		value, there = m.value.(T)
		return value, there, m.err
	case <-enough:
		return value, false, nil
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}

// start has a value made beside the requests, unless it is being made already since the last act.
func start[T any](d *Desk, key string, acts int64, f func(context.Context) (T, error)) *making {
	c, name := d.counts, fmt.Sprintf("%d %s", acts, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.making[name]; m != nil {
		return m
	}
	m := &making{done: make(chan struct{})}
	c.making[name] = m
	d.running.Go(func() {
		begun := time.Now()
		value, err := f(d.ctx)
		m.err = err
		if err == nil {
			m.value = value
			c.keep(key, value, begun, acts)
		}
		c.mu.Lock()
		delete(c.making, name)
		c.mu.Unlock()
		close(m.done)
	})
	return m
}
