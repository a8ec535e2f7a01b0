package worker

import (
	"math/rand/v2"
	"time"
)

// Retry is how failed attempts are repeated.
type Retry struct {
	Base time.Duration // the first delay
	Cap  time.Duration // the longest, before the random factor
	For  time.Duration // the budget, from the first attempt, time on hold not counted
}

// delay is the wait before attempt n+1 after n failures: min(cap, base·2^(n−1)), times 1 to 1.25 by
// random (0 to 1), so that what failed together does not come back together.
func (r Retry) delay(failures int64, random float64) time.Duration {
	d := r.Base
	for n := int64(1); n < failures && d < r.Cap; n++ {
		d *= 2
	}
	d = min(d, r.Cap)
	return d + time.Duration(float64(d)*random/4)
}

// after is the delay after the n-th failure.
func (r Retry) after(failures int64) time.Duration {
	return r.delay(failures, rand.Float64()) //nolint:gosec // not a secret: it spreads retries
}

// afterSilence is the delay after the n-th failure when the last call had no answer. The first time
// the query follows at once: most silences are a lost packet. Later ones back off, so that one
// shipment that Alipay cannot answer does not keep the lane from the others.
func (r Retry) afterSilence(failures int64) time.Duration {
	if failures <= 1 {
		return 0
	}
	return r.after(failures - 1)
}
