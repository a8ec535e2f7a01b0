package api

import "sync"

// How many requests may wait for something to happen, of one token and altogether: each has a connection, of which there
// are so many, and the others are for those who hand over.
const (
	waitersOfToken = 64
	waitersOfAll   = connections / 2
)

// waiters counts the requests that wait.
type waiters struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by the token's name
}

func newWaiters() *waiters { return &waiters{of: make(map[string]int)} }

// enter lets a request of a token wait until it leaves, unless too many do.
func (w *waiters) enter(token string) (leave func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[token] >= waitersOfToken || w.all >= waitersOfAll {
		return nil, false
	}
	w.all++
	w.of[token]++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all--
		if w.of[token]--; w.of[token] == 0 {
			delete(w.of, token)
		}
	}, true
}
