package worker

import "context"

// Reload, Rescue, Feed and Gauge are what the loops run, for tests that do not wait for them.
func (w *Worker) Reload(ctx context.Context) error { return w.reload(ctx) }

// Rescue runs rescue once.
func (w *Worker) Rescue(ctx context.Context) error { return w.rescue(ctx) }

// Examine makes the queries for the evidence that are left to make.
func (w *Worker) Examine(ctx context.Context) error { return w.examine(ctx) }

// Feed runs the feeder once.
func (w *Worker) Feed(ctx context.Context) error { return w.feed(ctx) }

// Gauge counts once.
func (w *Worker) Gauge(ctx context.Context) error { return w.gauge(ctx) }
