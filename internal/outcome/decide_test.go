package outcome

import (
	"errors"
	"testing"
	"time"

	"fahuo/internal/ledger"
	"fahuo/internal/outcome/webhook"
)

func TestDecide(t *testing.T) {
	p := pace{}.orUsual()
	for name, c := range map[string]struct {
		answer webhook.Answer
		want   ledger.Attempted
	}{
		"200":         {webhook.Answer{Status: 200}, ledger.Attempted{Acknowledged: true, Status: 200}},
		"299":         {webhook.Answer{Status: 299}, ledger.Attempted{Acknowledged: true, Status: 299}},
		"redirect":    {webhook.Answer{Status: 307}, ledger.Attempted{Status: 307, Retry: 5 * time.Second, Error: "answered 307 Temporary Redirect; redirects are not followed, give the address that it leads to"}},
		"400":         {webhook.Answer{Status: 400}, ledger.Attempted{Status: 400, Retry: 5 * time.Second, Error: "answered 400 Bad Request"}},
		"gone":        {webhook.Answer{Status: 410}, ledger.Attempted{Status: 410, GiveUp: true, Retry: 5 * time.Second, Error: "answered 410 Gone"}},
		"busy":        {webhook.Answer{Status: 503, RetryAfter: time.Minute}, ledger.Attempted{Status: 503, Retry: time.Minute, Error: "answered 503 Service Unavailable"}},
		"too many":    {webhook.Answer{Status: 429, RetryAfter: 48 * time.Hour}, ledger.Attempted{Status: 429, Retry: time.Hour, Error: "answered 429 Too Many Requests"}},
		"asked short": {webhook.Answer{Status: 429, RetryAfter: time.Second}, ledger.Attempted{Status: 429, Retry: 5 * time.Second, Error: "answered 429 Too Many Requests"}},
		"not asked":   {webhook.Answer{Status: 500, RetryAfter: time.Hour}, ledger.Attempted{Status: 500, Retry: 5 * time.Second, Error: "answered 500 Internal Server Error"}},
		"strange":     {webhook.Answer{Status: 599}, ledger.Attempted{Status: 599, Retry: 5 * time.Second, Error: "answered 599"}},
		"no answer":   {webhook.Answer{Err: errors.New("connection refused")}, ledger.Attempted{Retry: 5 * time.Second, Error: "connection refused"}},
	} {
		if got := decide(c.answer, 0, p, 0); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	p := pace{}.orUsual()
	for n, want := range map[int64]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 9: 1280 * time.Second, 10: 30 * time.Minute, 1000: 30 * time.Minute} {
		if got := p.retryAfter(n, 0); got != want {
			t.Errorf("after %d failures %v, want %v", n, got, want)
		}
	}
	if got := p.retryAfter(1, 0.8); got != 6*time.Second {
		t.Errorf("spread by chance: %v", got)
	}
	if first, last := p.restAfter(1, 0), p.restAfter(100, 0); first != 100*time.Millisecond || last != 30*time.Second {
		t.Errorf("an endpoint rests for %v to %v", first, last)
	}
	if p.lease < 2*p.timeout || p.announce*3 > ledger.EndpointLease {
		t.Error("a lease is over before the message is, or an endpoint is withdrawn while its process runs")
	}
}
