package outcome

import (
	"fmt"
	"net/http"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/outcome/webhook"
)

// maxRetryAfter is the longest pause that a receiver may ask for.
const maxRetryAfter = time.Hour

// decide is what an answer means for the message. Any 2xx acknowledges it. 410 Gone gives it up at once: the receiver
// wants no more of it. Everything else is tried again; who is overloaded may say when.
//
// A 410 does not switch the endpoint off: it is the operator's own, named in a file, and one wrong answer of a proxy
// on the way would keep all further outcomes from it.
func decide(a webhook.Answer, failures int64, p pace, chance float64) ledger.Attempted {
	made := ledger.Attempted{Status: a.Status}
	switch {
	case a.Status >= 200 && a.Status < 300:
		made.Acknowledged = true
		return made
	case a.Err != nil:
		made.Error = a.Err.Error()
	case a.Status >= 300 && a.Status < 400:
		made.Error = fmt.Sprintf("answered %s; redirects are not followed, give the address that it leads to", statusText(a.Status))
	default:
		made.Error = "answered " + statusText(a.Status)
	}
	made.GiveUp = a.Status == http.StatusGone
	made.Retry = max(p.retryAfter(failures+1, chance), asked(a))
	return made
}

// asked is the pause that an overloaded receiver asks for, within bounds; 0: none.
func asked(a webhook.Answer) time.Duration {
	if a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable {
		return 0
	}
	return min(a.RetryAfter, maxRetryAfter)
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprint(status)
}
