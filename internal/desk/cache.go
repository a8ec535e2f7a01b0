package desk

import (
	"context"
	"sync"
	"time"
)

// cache keeps counts for a moment, since many people look at the same pages and every look would count anew. An act
// through this desk empties it, so nobody sees a count from before what he has done.
type cache struct {
	mu     sync.Mutex
	known  map[string]cached
	making map[string]bool // being made anew beside what is shown
	acts   int64           // how often it was emptied: what was counted before an act is not kept after it
}

type cached struct {
	value any
	made  time.Time
	until time.Time
}

// How long a count may be shown: ten times as long as it took, within bounds.
const (
	cacheLeast = 2 * time.Second
	cacheMost  = 15 * time.Second
	cacheStale = time.Minute // for what steady keeps
	cacheSize  = 1000
)

func newCache() *cache { return &cache{known: make(map[string]cached), making: make(map[string]bool)} }

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
	value, known, acts := find[T](d.counts, key)
	start := time.Now()
	if known.value == nil || start.Sub(known.made) > cacheStale || start.Before(known.until) {
		return counted(d.counts, key, func() (T, error) { return f(ctx) })
	}
	if d.counts.begin(key) {
		d.running.Go(func() {
			defer d.counts.end(key)
			if value, err := f(d.ctx); err == nil { // an error is for whoever waits for a count
				d.counts.keep(key, value, start, acts)
			}
		})
	}
	return value, nil
}

// begin tells whether it is the caller's to make a value anew.
func (c *cache) begin(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.making[key] {
		return false
	}
	c.making[key] = true
	return true
}

func (c *cache) end(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.making, key)
}
