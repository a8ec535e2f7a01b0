package main

import (
	"context"
	"errors"
	"sync"

	"fahuo/internal/worker"
)

// readiness is what /readyz asks: until ledger and Redis are open, that they are not.
type readiness struct {
	mu   sync.Mutex
	when worker.Checks
}

func (r *readiness) set(c worker.Checks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.when = c
}

func (r *readiness) checks() worker.Checks {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.when == nil {
		return worker.Checks{"ledger": func(context.Context) error { return errors.New("not open yet") }}
	}
	return r.when
}
