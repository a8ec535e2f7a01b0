package outcome

import "time"

// Hurried makes a courier that has no patience, for tests: pauses of milliseconds, and a lease just above the timeout.
func Hurried(o Options, timeout time.Duration) *Courier {
	o.pace = pace{
		poll: 10 * time.Millisecond, announce: time.Second, timeout: timeout, lease: timeout + 500*time.Millisecond, atOnce: 4,
		retry: 20 * time.Millisecond, retryCap: 100 * time.Millisecond, rest: time.Millisecond, restCap: 20 * time.Millisecond,
	}
	return New(o)
}
