package desk

import (
	"sync"
	"time"
)

// cache keeps counts for a moment, since many people look at the same pages and every look would count anew. An act
// through this desk empties it, so nobody sees a count from before what he has done.
type cache struct {
	mu    sync.Mutex
	known map[string]cached
}

type cached struct {
	value any
	until time.Time
}

// How long a count may be shown: ten times as long as it took, within bounds.
const (
	cacheLeast = 2 * time.Second
	cacheMost  = 15 * time.Second
	cacheSize  = 1000
)

func newCache() *cache { return &cache{known: make(map[string]cached)} }

func (c *cache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
}

// counted is the value under a key, made by f unless it has just been.
func counted[T any](c *cache, key string, f func() (T, error)) (T, error) {
	c.mu.Lock()
	known, ok := c.known[key]
	c.mu.Unlock()
	if value, right := known.value.(T); ok && right && time.Now().Before(known.until) {
		return value, nil
	}
	start := time.Now()
	value, err := f()
	if err != nil {
		return value, err
	}
	lasts := min(cacheMost, max(cacheLeast, 10*time.Since(start)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= cacheSize {
		clear(c.known)
	}
	c.known[key] = cached{value, time.Now().Add(lasts)}
	return value, nil
}
