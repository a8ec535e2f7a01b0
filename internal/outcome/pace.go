package outcome

import "time"

// pace is how fast a courier goes.
type pace struct {
	poll     time.Duration // between two looks for what is due
	announce time.Duration // between two announcements; a fraction of ledger.EndpointLease
	timeout  time.Duration // of one message, answer included
	lease    time.Duration // for which a claimed delivery is nobody else's; above timeout
	atOnce   int           // messages on the way to one endpoint at once

	retry, retryCap time.Duration // between two attempts at one message: the first pause, doubled up to the cap
	rest, restCap   time.Duration // before an endpoint that has just failed is tried with anything at all
}

func (p pace) orUsual() pace {
	if p.poll != 0 {
		return p
	}
	return pace{
		poll: time.Second, announce: 30 * time.Second, timeout: 15 * time.Second, lease: 45 * time.Second, atOnce: 4,
		retry: 5 * time.Second, retryCap: 30 * time.Minute, rest: 100 * time.Millisecond, restCap: 30 * time.Second,
	}
}

// retryAfter is the pause before the next attempt at a message that has failed n times: min(cap, base·2^(n−1)),
// and up to a quarter more by chance (0 to 1), so that what failed together does not come back together.
func (p pace) retryAfter(n int64, chance float64) time.Duration {
	return spread(doubled(p.retry, p.retryCap, n), chance)
}

// restAfter is the same for an endpoint that has failed n times in a row, whatever the message.
func (p pace) restAfter(n int64, chance float64) time.Duration {
	return spread(doubled(p.rest, p.restCap, n), chance)
}

func doubled(base, most time.Duration, n int64) time.Duration {
	d := base
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

func spread(d time.Duration, chance float64) time.Duration {
	return d + time.Duration(float64(d)*chance/4)
}
