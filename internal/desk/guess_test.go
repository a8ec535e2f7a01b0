package desk_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"fahuo/internal/desk"
)

// guesser tries passwords as fast as it can, from addresses of its choice.
type guesser struct {
	t       *testing.T
	handler http.Handler
}

// try is one attempt to log in; its status.
func (g guesser) try(remote, forwarded, name, password string) int {
	g.t.Helper()
	form := url.Values{"name": {name}, "password": {password}}
	r := httptest.NewRequestWithContext(g.t.Context(), http.MethodPost, "/login", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = remote
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Code
}

// 10,000 guesses of one password from one place, or from as many, and some by tricks: a handful is compared, and the
// user can still log in at his own place.
func TestTenThousandGuesses(t *testing.T) {
	t.Parallel()
	const home, proxy = "192.0.2.9:1", "10.0.0.1:1"
	some := func(i int) string { return fmt.Sprintf("203.%d.%d.%d", i>>16, i>>8&255, i&255) }
	one := func(int) string { return "203.0.113.5:99" }
	plain := func(int) string { return "" }
	for name, c := range map[string]struct {
		remote, forwarded func(i int) string
		most              int           // compared at once
		every             time.Duration // and one more
		locked            bool          // everywhere else
		guesses           int
	}{
		"from one address":                    {one, plain, 5, 30 * time.Second, false, 10_000},
		"that says it is a proxy":             {one, some, 5, 30 * time.Second, false, 500},
		"from one subscriber's IPv6":          {func(i int) string { return fmt.Sprintf("[2001:db8:1:2:%x::%x]:1", i+1, i) }, plain, 5, 30 * time.Second, false, 500},
		"through a proxy":                     {func(int) string { return proxy }, func(int) string { return "203.0.113.5" }, 5, 30 * time.Second, false, 500},
		"through a proxy, with false names":   {func(int) string { return proxy }, func(i int) string { return some(i) + ", 203.0.113.5" }, 5, 30 * time.Second, false, 500},
		"from everywhere":                     {func(i int) string { return some(i) + ":1" }, plain, 50, 20 * time.Second, true, 10_000},
		"from everywhere in IPv6":             {func(i int) string { return fmt.Sprintf("[2001:db8:%x::1]:1", i) }, plain, 50, 20 * time.Second, true, 500},
		"from everywhere and through a proxy": {func(int) string { return proxy }, some, 50, 20 * time.Second, true, 500},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(o *desk.Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
			g := guesser{t, s.desk.Handler()}
			if got := g.try(home, "", "wang", password); got != http.StatusSeeOther {
				t.Fatalf("before: %d", got)
			}
			advance := s.desk.StopAttempts()
			counts := make(map[int]int)
			for i := range c.guesses {
				counts[g.try(c.remote(i), c.forwarded(i), "wang", fmt.Sprintf("guess number %d", i))]++
			}
			if tried := counts[http.StatusUnauthorized]; tried != c.most || tried+counts[http.StatusTooManyRequests] != c.guesses {
				t.Errorf("%v, but %d may be compared", counts, c.most)
			}
			if got := g.try(home, "", "wang", password); got != http.StatusSeeOther {
				t.Errorf("wang is locked out at home: %d", got)
			}
			if got := g.try("198.51.100.7:1", "", "wang", password); (got == http.StatusTooManyRequests) != c.locked {
				t.Errorf("wang elsewhere: %d", got)
			}
			advance(c.every)
			for i, want := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
				if got := g.try(c.remote(i), c.forwarded(i), "wang", "one more guess"); got != want {
					t.Errorf("after %v, guess %d: %d, not %d", c.every, i, got, want)
				}
			}
			if got := g.try("198.51.100.8:1", "", "li", password); got != http.StatusSeeOther {
				t.Errorf("li: %d", got)
			}
		})
	}
}

// Names that nobody has are cheap to make up. They do not make the desk forget who has failed.
func TestManyNamesForgetNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.desk.StopAttempts()
	g := guesser{t, s.desk.Handler()}
	for range 6 {
		g.try("203.0.113.5:99", "", "wang", "a guess")
	}
	s.desk.RefuseMany(300_000, "203.0.113.5")
	if got := g.try("203.0.113.5:99", "", "wang", "a guess"); got != http.StatusTooManyRequests {
		t.Errorf("%d: forgotten", got)
	}
	if n := s.desk.Remembered(); n > 100 {
		t.Errorf("%d limits are remembered", n)
	}
}

// Comparing a password is slow. Thousands who come at once do not keep a user waiting at his own place, and strangers
// are told to come again.
func TestAFloodOfGuessesKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	g := guesser{t, s.desk.Handler()}
	if got := g.try("192.0.2.9:1", "", "wang", password); got != http.StatusSeeOther {
		t.Fatalf("%d", got)
	}
	release := s.desk.HoldComparisons(t.Context(), 100)
	defer release()
	if got := g.try("192.0.2.9:1", "", "wang", password); got != http.StatusSeeOther {
		t.Errorf("wang waits behind strangers: %d", got)
	}
	if got := g.try("198.51.100.7:1", "", "li", password); got != http.StatusTooManyRequests {
		t.Errorf("a stranger: %d", got)
	}
}
