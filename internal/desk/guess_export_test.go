package desk

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Who is unknown is compared with in production at the cost of a real password, for seconds under the race detector.
func init() {
	hash, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	unknownUser = func() []byte { return hash }
}

// StopAttempts has no time pass for the limits of guessing but what advance is told.
func (d *Desk) StopAttempts() (advance func(time.Duration)) {
	start, passed := time.Now(), new(atomic.Int64)
	d.attempts.now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	return func(by time.Duration) { passed.Add(int64(by)) }
}

// RefuseMany has attempts for names that nobody has refused, since their address has failed too often.
func (d *Desk) RefuseMany(n int, address string) {
	for i := range 25 {
		d.attempts.failed(newWho(strconv.Itoa(i), address))
	}
	for i := range n {
		d.attempts.try(context.Background(), "nobody "+strconv.Itoa(i), address, func() bool { panic("compared") })
	}
}

// Remembered is how many limits are remembered.
func (d *Desk) Remembered() int { return len(d.attempts.byID) }

// HoldComparisons has n strangers at once whose comparisons do not end before they are released.
func (d *Desk) HoldComparisons(ctx context.Context, n int) (release func()) {
	end := make(chan struct{})
	at := make(chan struct{}, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			d.attempts.try(ctx, "nobody", fmt.Sprintf("203.0.113.%d", i), func() bool { at <- struct{}{}; <-end; return true })
		})
	}
	for range cap(d.attempts.comparing) {
		<-at
	}
	for d.attempts.line() < maxWaiting {
		runtime.Gosched()
	}
	return sync.OnceFunc(func() { close(end); all.Wait() })
}

func (a *attempts) line() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting
}
