package desk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fahuo/internal/desk"
)

// fill makes an address out of a pattern.
func fill(pattern string) string {
	return strings.NewReplacer("{partner}", partner, "{trade_no}", "20261123000000000001", "{act}", "hold", "{id}", "1", "{$}", "").Replace(pattern)
}

// Every address of the table, as nobody, as viewer and from another site.
func TestRolesAndOriginsOfEveryRoute(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 3)
	nobody, viewer, operator := s.visitor("en"), s.as("look", "en"), s.as("wang", "en")
	acts := 0
	for _, p := range desk.Patterns() {
		method, path, found := strings.Cut(fill(p.Pattern), " ")
		if !found {
			continue
		}
		form := url.Values(nil)
		if method == http.MethodPost {
			form = url.Values{"reason": {"why"}, "name": {"b1"}, "shown": {"3"}, "to": {"zh"}}
		}
		if p.Role != desk.Anybody {
			want := http.StatusSeeOther
			if method == http.MethodPost {
				want = http.StatusUnauthorized
			}
			if a := nobody.do(method, path, form); a.status != want {
				t.Errorf("%s as nobody: %d, want %d", p.Pattern, a.status, want)
			}
		}
		if p.Role == desk.Operator {
			if a := viewer.do(method, path, form); a.status != http.StatusForbidden {
				t.Errorf("%s as viewer: %d", p.Pattern, a.status)
			}
		}
		if method != http.MethodPost {
			continue
		}
		acts++
		for _, foreign := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
		} {
			if a := operator.do(method, path, form, foreign); a.status != http.StatusForbidden {
				t.Errorf("%s from %v: %d", p.Pattern, foreign, a.status)
			}
		}
	}
	if acts < 4 {
		t.Errorf("only %d acts", acts)
	}
	if account, err := s.book.Account(t.Context(), partner); err != nil || account.Hold != nil {
		t.Errorf("something took effect: %+v %v", account, err)
	}
	operator.look("/") // still logged in: no logout came through either
}

func TestHeadersOnEveryPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as("wang", "en")
	for _, path := range []string{"/login", "/", "/dead", "/shipments", "/batches", "/accounts", "/audit", "/nowhere", "/dead.csv", "/dead.xlsx", "/static/../login"} {
		a := b.get(path)
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
		for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin"} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", path, name, got, want)
			}
		}
		for _, bad := range []string{" style=", "<style", " onclick=", "javascript:", "<script>"} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s: %q", path, bad)
			}
		}
	}
}

func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "http:evil", "evil", "/x\r\nSet-Cookie: a=b", " //evil.example"} {
		b := s.visitor("en")
		if a := b.post("/login", url.Values{"name": {"look"}, "password": {password}, "to": {to}}); a.location != "/" {
			t.Errorf("login to %q leads to %q", to, a.location)
		}
		if a := b.get("/login?" + url.Values{"to": {to}}.Encode()); a.location != "/" {
			t.Errorf("login page to %q leads to %q", to, a.location)
		}
		if a := b.post("/language", url.Values{"to": {"zh"}, "back": {to}}); a.location != "/" {
			t.Errorf("language back %q leads to %q", to, a.location)
		}
	}
}

func TestPathTricks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as("wang", "en")
	for _, path := range []string{
		"/static/../../users.go", "/static/%2e%2e/users.go", "/static/..%2f..%2fusers.go", "/..%2f..%2fetc/passwd", "/%00", "/templates/login.html", "/lang/en/common.yaml",
		"/accounts/..%2f..%2fx/hold", "/accounts/%3Cscript%3E/hold", "/accounts/" + partner + "/fly",
	} {
		if a := b.get(path); a.status != http.StatusNotFound && a.status != http.StatusBadRequest && a.status/100 != 3 || strings.Contains(a.body, "package desk") {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := b.do(http.MethodDelete, "/dead", nil); a.status == http.StatusOK {
		t.Errorf("DELETE: %d", a.status)
	}
	if a := s.visitor("en").get("/static/"); a.status == http.StatusOK && strings.Contains(a.body, "desk.go") {
		t.Error("sources are served")
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for header, want := range map[string]string{
		"zh": "zh-CN", "zh-TW,en;q=0.5": "zh-CN", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "en-GB": "en", "de": "en", "": "en", "garbage;;;": "en",
	} {
		b := s.visitor("en")
		b.lang = header
		b.look("/login").holds(`<html lang="` + want + `">`)
	}
	b := s.visitor("en")
	if a := b.post("/language", url.Values{"to": {"zh"}, "back": {"/login?to=%2Fdead"}}); a.location != "/login?to=%2Fdead" {
		t.Errorf("%s", a.location)
	}
	b.look("/login").holds(`<html lang="zh-CN">`, "登录")
	if a := b.post("/language", url.Values{"to": {"xx"}}); a.status != http.StatusBadRequest {
		t.Errorf("%d", a.status)
	}
}
