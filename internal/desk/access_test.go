package desk_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fahuo/internal/desk"
)

func pagesCookie(t *testing.T, a pagesAnswer, name string) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s in %v", name, a.Header)
	return nil
}

func TestSessionBeginsAndEnds(t *testing.T) {
	s := pagesDesk(t)
	b := s.browser()
	if a := b.get("/dead?reason=trade_not_exist"); a.Status != http.StatusSeeOther || a.To() != "/login?to=%2Fdead%3Freason%3Dtrade_not_exist" {
		t.Fatalf("%d %s", a.Status, a.To())
	}
	if a := b.post("/login", url.Values{"name": {"wang"}, "password": {"wrong password"}}); a.Status != http.StatusUnauthorized {
		t.Errorf("a wrong password: %d", a.Status)
	}
	form := url.Values{"name": {"wang"}, "password": {pagesPassword}, "to": {"/audit?act=login"}}
	// A session id that somebody has planted is worth nothing after the login.
	planted := http.Header{"Cookie": {"fahuo=planted"}}
	a := b.do(http.MethodPost, "/login", form, planted)
	c := pagesCookie(t, a, "fahuo")
	if a.Status != http.StatusSeeOther || a.To() != "/audit?act=login" {
		t.Errorf("%d %s", a.Status, a.To())
	}
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || c.Value == "planted" || len(c.Value) < 40 {
		t.Errorf("%+v", c)
	}
	stranger := s.browser()
	if a := stranger.do(http.MethodGet, "/", nil, planted); a.Status != http.StatusSeeOther {
		t.Errorf("the planted session is one: %d", a.Status)
	}
	b.page("/")
	// Logging in again takes a new token, and the old one is over.
	if again := pagesCookie(t, b.post("/login", form), "fahuo"); again.Value == c.Value {
		t.Error("the token stays over a login")
	}
	old := http.Header{"Cookie": {"fahuo=" + c.Value}}
	if a := stranger.do(http.MethodGet, "/", nil, old); a.Status != http.StatusSeeOther {
		t.Errorf("the old token still serves: %d", a.Status)
	}
	b.post("/logout", url.Values{})
	if a := b.get("/"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/login") {
		t.Errorf("logged out: %d %s", a.Status, a.To())
	}
	if a := b.post("/cancel", url.Values{"name": {"today"}, "shown": {"1"}}); a.Status != http.StatusUnauthorized {
		t.Errorf("an act without a session: %d", a.Status)
	}
}

func TestSessionTakenAway(t *testing.T) {
	s := pagesDesk(t)
	b := s.login("wang")
	b.page("/")
	if n, err := s.book.CloseSessions(t.Context(), "wang"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if a := b.get("/"); a.Status != http.StatusSeeOther {
		t.Errorf("%d", a.Status)
	}
	b = s.login("wang")
	s.exec(`UPDATE sessions SET expires_at = 1`) // 12 hours later
	if a := b.get("/"); a.Status != http.StatusSeeOther {
		t.Errorf("a session that is over: %d", a.Status)
	}
}

func TestSecureCookies(t *testing.T) {
	s := pagesDesk(t, func(o *desk.Options) { o.SecureCookies = true })
	a := s.browser().post("/login", url.Values{"name": {"li"}, "password": {pagesPassword}})
	if c := pagesCookie(t, a, "__Host-fahuo"); !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", c)
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

// Whoever is taken out of the users file is out at the next request, and whoever is demoted acts no more.
func TestUsersFileIsLookedAtAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	put := func(u desk.User) {
		if _, err := desk.PutUser(path, u); err != nil {
			t.Fatal(err)
		}
	}
	wangUser := pagesUser(t, "wang", desk.Operator)
	put(wangUser)
	put(pagesUser(t, "zhao", desk.Operator))
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	s := pagesDesk(t, func(o *desk.Options) { o.Users = users })
	wang, zhao := s.login("wang"), s.login("zhao")
	hold := "/accounts/" + pagesPartner + "/hold"
	wang.page(hold)

	wangUser.Role = desk.Viewer
	put(wangUser)
	if err := desk.RemoveUser(path, "zhao"); err != nil {
		t.Fatal(err)
	}
	users.LookAgain()
	if a := wang.post(hold, url.Values{"reason": {"why"}}); a.Status != http.StatusForbidden {
		t.Errorf("demoted: %d", a.Status)
	}
	wang.page("/accounts")
	if a := zhao.get("/accounts"); a.Status != http.StatusSeeOther {
		t.Errorf("removed: %d", a.Status)
	}
	if a := zhao.post(hold, url.Values{"reason": {"why"}}); a.Status != http.StatusUnauthorized {
		t.Errorf("removed, and acts: %d", a.Status)
	}
	if account, err := s.book.Account(t.Context(), pagesPartner); err != nil || account.Hold != nil {
		t.Errorf("%+v %v", account, err)
	}
}

// fill makes an address out of a pattern.
func fill(pattern string) string {
	return strings.NewReplacer("{partner}", pagesPartner, "{trade_no}", "20261123000000000001", "{act}", "hold", "{id}", "1", "{$}", "").Replace(pattern)
}

// Every address of the table, as nobody, as viewer and from another site.
func TestRolesAndOriginsOfEveryRoute(t *testing.T) {
	s := pagesDesk(t)
	s.accept(pagesPartner, 1, 3)
	nobody, viewer, operator := s.browser(), s.login("li"), s.login("wang")
	acts := 0
	for _, p := range desk.Patterns() {
		method, path, found := strings.Cut(fill(p.Pattern), " ")
		if !found {
			continue
		}
		form := url.Values(nil)
		if method == http.MethodPost {
			form = url.Values{"reason": {"why"}, "name": {"today"}, "shown": {"3"}, "to": {"zh"}}
		}
		if p.Role != desk.Anybody {
			want := http.StatusSeeOther
			if method == http.MethodPost {
				want = http.StatusUnauthorized
			}
			if a := nobody.do(method, path, form, nil); a.Status != want {
				t.Errorf("%s as nobody: %d, want %d", p.Pattern, a.Status, want)
			}
		}
		if p.Role == desk.Operator {
			if a := viewer.do(method, path, form, nil); a.Status != http.StatusForbidden {
				t.Errorf("%s as viewer: %d", p.Pattern, a.Status)
			}
		}
		if method != http.MethodPost {
			continue
		}
		acts++
		for _, foreign := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
		} {
			if a := operator.do(method, path, form, foreign); a.Status != http.StatusForbidden {
				t.Errorf("%s from %v: %d", p.Pattern, foreign, a.Status)
			}
		}
	}
	if acts < 4 {
		t.Errorf("only %d acts", acts)
	}
	if account, err := s.book.Account(t.Context(), pagesPartner); err != nil || account.Hold != nil {
		t.Errorf("something took effect: %+v %v", account, err)
	}
	operator.page("/") // still logged in: no logout came through either
}

func TestHeadersOnEveryPage(t *testing.T) {
	s := pagesDesk(t)
	b := s.login("wang")
	for _, path := range []string{"/login", "/", "/dead", "/shipments", "/batches", "/accounts", "/audit", "/nowhere", "/dead.csv", "/dead.xlsx", "/static/../login"} {
		a := b.get(path)
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
		for _, bad := range []string{" style=", "<style", " onclick=", "javascript:", "<script>"} {
			if strings.Contains(a.Body, bad) {
				t.Errorf("%s: %q", path, bad)
			}
		}
	}
}

func TestNoOpenRedirect(t *testing.T) {
	s := pagesDesk(t)
	for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "http:evil", "evil", "/x\r\nSet-Cookie: a=b", " //evil.example"} {
		b := s.browser()
		if a := b.post("/login", url.Values{"name": {"li"}, "password": {pagesPassword}, "to": {to}}); a.To() != "/" {
			t.Errorf("login to %q leads to %q", to, a.To())
		}
		if a := b.get("/login?" + url.Values{"to": {to}}.Encode()); a.To() != "/" {
			t.Errorf("login page to %q leads to %q", to, a.To())
		}
		if a := b.post("/language", url.Values{"to": {"zh"}, "back": {to}}); a.To() != "/" {
			t.Errorf("language back %q leads to %q", to, a.To())
		}
	}
}

func TestPathTricks(t *testing.T) {
	s := pagesDesk(t)
	b := s.login("wang")
	for _, path := range []string{
		"/static/../../users.go", "/static/%2e%2e/users.go", "/static/..%2f..%2fusers.go", "/..%2f..%2fetc/passwd", "/%00", "/templates/login.html", "/lang/en/common.yaml",
		"/accounts/..%2f..%2fx/hold", "/accounts/%3Cscript%3E/hold", "/accounts/" + pagesPartner + "/fly",
	} {
		if a := b.get(path); a.Status != http.StatusNotFound && a.Status != http.StatusBadRequest && a.Status/100 != 3 || strings.Contains(a.Body, "package desk") {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	if a := b.do(http.MethodDelete, "/dead", nil, nil); a.Status == http.StatusOK {
		t.Errorf("DELETE: %d", a.Status)
	}
	if a := s.browser().get("/static/"); a.Status == http.StatusOK && strings.Contains(a.Body, "desk.go") {
		t.Error("sources are served")
	}
}

// 200 guesses at once for one user from one address: a handful is compared, the rest is not.
func TestGuessesAtOnce(t *testing.T) {
	s := pagesDesk(t)
	counts := make(map[int]int)
	var mu sync.Mutex
	var wait sync.WaitGroup
	b := s.browser()
	for range 200 {
		wait.Go(func() {
			a := b.post("/login", url.Values{"name": {"wang"}, "password": {"not the password"}})
			mu.Lock()
			defer mu.Unlock()
			counts[a.Status]++
		})
	}
	wait.Wait()
	if tried := counts[http.StatusUnauthorized]; tried < 1 || tried > 7 || tried+counts[http.StatusTooManyRequests] != 200 {
		t.Errorf("%v", counts)
	}
	// The right password does not help now either, and another user is not locked out.
	if a := b.post("/login", url.Values{"name": {"wang"}, "password": {pagesPassword}}); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d", a.Status)
	}
	s.login("li")
	// Many names from one address are limited, too.
	for i := range 40 {
		b.post("/login", url.Values{"name": {strings.Repeat("x", i+1)}, "password": {"not the password"}})
	}
	if a := b.post("/login", url.Values{"name": {"somebody"}, "password": {"x"}}); a.Status != http.StatusTooManyRequests {
		t.Errorf("%d", a.Status)
	}
}

func TestLanguage(t *testing.T) {
	s := pagesDesk(t)
	for header, want := range map[string]string{
		"zh": "zh-CN", "zh-TW,en;q=0.5": "zh-CN", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "en-GB": "en", "de": "en", "": "en", "garbage;;;": "en",
	} {
		b := s.browser()
		b.header = http.Header{"Accept-Language": {header}}
		pagesHas(t, b.page("/login"), `<html lang="`+want+`">`)
	}
	b := s.browser()
	if a := b.post("/language", url.Values{"to": {"zh"}, "back": {"/login?to=%2Fdead"}}); a.To() != "/login?to=%2Fdead" {
		t.Errorf("%s", a.To())
	}
	pagesHas(t, b.page("/login"), `<html lang="zh-CN">`, "登录")
	if a := b.post("/language", url.Values{"to": {"xx"}}); a.Status != http.StatusBadRequest {
		t.Errorf("%d", a.Status)
	}
}
