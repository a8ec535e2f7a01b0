package desk_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fahuo/internal/desk"
)

func cookie(t *testing.T, a *page, name string) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s in %v", name, a.header)
	return nil
}

func TestSessionBeginsAndEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.visitor("en")
	if a := b.get("/dead?reason=trade_not_exist"); a.status != http.StatusSeeOther || a.location != "/login?to=%2Fdead%3Freason%3Dtrade_not_exist" {
		t.Fatalf("%d %s", a.status, a.location)
	}
	if a := b.post("/login", url.Values{"name": {"wang"}, "password": {"wrong password"}}); a.status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", a.status)
	}
	form := url.Values{"name": {"wang"}, "password": {password}, "to": {"/audit?act=login"}}
	// A session id that somebody has planted is worth nothing after the login.
	planted := http.Header{"Cookie": {"fahuo=planted"}}
	a := b.do(http.MethodPost, "/login", form, planted)
	c := cookie(t, a, "fahuo")
	if a.status != http.StatusSeeOther || a.location != "/audit?act=login" {
		t.Errorf("%d %s", a.status, a.location)
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.Value == "planted" || len(c.Value) < 40 {
		t.Errorf("%+v", c)
	}
	stranger := s.visitor("en")
	if a := stranger.do(http.MethodGet, "/", nil, planted); a.status != http.StatusSeeOther {
		t.Errorf("the planted session is one: %d", a.status)
	}
	b.look("/")
	// Logging in again takes a new token, and the old one is over.
	if again := cookie(t, b.post("/login", form), "fahuo"); again.Value == c.Value {
		t.Error("the token stays over a login")
	}
	old := http.Header{"Cookie": {"fahuo=" + c.Value}}
	if a := stranger.do(http.MethodGet, "/", nil, old); a.status != http.StatusSeeOther {
		t.Errorf("the old token still serves: %d", a.status)
	}
	b.post("/logout", url.Values{})
	if a := b.get("/"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, "/login") {
		t.Errorf("logged out: %d %s", a.status, a.location)
	}
	if a := b.post("/cancel", url.Values{"name": {"b1"}, "shown": {"1"}}); a.status != http.StatusUnauthorized {
		t.Errorf("an act without a session: %d", a.status)
	}
}

func TestSessionTakenAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as("wang", "en")
	b.look("/")
	if n, err := s.book.CloseSessions(t.Context(), "wang"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if a := b.get("/"); a.status != http.StatusSeeOther {
		t.Errorf("%d", a.status)
	}
	b = s.as("wang", "en")
	s.change(`UPDATE sessions SET expires_at = 1`) // 12 hours later
	if a := b.get("/"); a.status != http.StatusSeeOther {
		t.Errorf("a session that is over: %d", a.status)
	}
}

func TestSecureCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *desk.Options) { o.SecureCookies = true })
	a := s.visitor("en").post("/login", url.Values{"name": {"look"}, "password": {password}})
	if c := cookie(t, a, "__Host-fahuo"); !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", c)
	}
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

// Whoever is taken out of the users file is out at the next request, and whoever is demoted acts no more.
func TestUsersFileIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.yaml")
	put := func(u desk.User) {
		if _, err := desk.PutUser(path, u); err != nil {
			t.Fatal(err)
		}
	}
	operator := user(t, "wang", desk.Operator)
	put(operator)
	put(user(t, "zhao", desk.Operator))
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(o *desk.Options) { o.Users = users })
	wang, zhao := s.as("wang", "en"), s.as("zhao", "en")
	hold := "/accounts/" + partner + "/hold"
	wang.look(hold)

	operator.Role = desk.Viewer // the password stays, and so the session
	put(operator)
	if err := desk.RemoveUser(path, "zhao"); err != nil {
		t.Fatal(err)
	}
	users.LookAgain()
	if a := wang.post(hold, url.Values{"reason": {"why"}}); a.status != http.StatusForbidden {
		t.Errorf("demoted: %d", a.status)
	}
	wang.look("/accounts")
	if a := zhao.get("/accounts"); a.status != http.StatusSeeOther {
		t.Errorf("removed: %d", a.status)
	}
	if a := zhao.post(hold, url.Values{"reason": {"why"}}); a.status != http.StatusUnauthorized {
		t.Errorf("removed, and acts: %d", a.status)
	}
	if account, err := s.book.Account(t.Context(), partner); err != nil || account.Hold != nil {
		t.Errorf("%+v %v", account, err)
	}
}

// 200 guesses at once for one user from one address: a handful is compared, the rest is not.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.desk.StopAttempts()
	counts := make(map[int]int)
	var mu sync.Mutex
	var wait sync.WaitGroup
	b := s.visitor("en")
	for range 200 {
		wait.Go(func() {
			a := b.post("/login", url.Values{"name": {"wang"}, "password": {"not the password"}})
			mu.Lock()
			defer mu.Unlock()
			counts[a.status]++
		})
	}
	wait.Wait()
	if tried := counts[http.StatusUnauthorized]; tried < 5 || tried > 6 || tried+counts[http.StatusTooManyRequests] != 200 {
		t.Errorf("%v", counts)
	}
	// The right password does not help now either, and another user is not locked out.
	if a := b.post("/login", url.Values{"name": {"wang"}, "password": {password}}); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("%d", a.status)
	}
	s.as("look", "en")
	// Many names from one address are limited, too.
	for i := range 40 {
		b.post("/login", url.Values{"name": {strings.Repeat("x", i+1)}, "password": {"not the password"}})
	}
	if a := b.post("/login", url.Values{"name": {"somebody"}, "password": {"x"}}); a.status != http.StatusTooManyRequests {
		t.Errorf("%d", a.status)
	}
}

// Whoever may write the users file may log in as anybody.
func TestAUsersFileThatOthersMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.yaml")
	_, err := desk.PutUser(path, user(t, "wang", desk.Operator))
	must(t, err)
	for mode, fine := range map[os.FileMode]bool{0o600: true, 0o640: true, 0o620: false, 0o602: false} {
		must(t, os.Chmod(path, mode))
		if _, err := desk.LoadUsers(path); (err == nil) != fine {
			t.Errorf("%04o: %v", mode, err)
		}
	}
}
