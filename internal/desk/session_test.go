package desk_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
)

// A session ends with the password that it was opened with, whoever has changed the users file and by whatever means:
// nobody who has stolen it outlasts the new password, or a user of the same name.
func TestASessionEndsWithItsPassword(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.yaml")
	put := func() {
		_, err := desk.PutUser(path, user(t, "wang", desk.Operator))
		must(t, err)
	}
	put()
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(o *desk.Options) { o.Users = users })
	b := s.as("wang", "en")
	b.look("/")
	put() // the same password, under another hash: it was set anew
	users.LookAgain()
	if a := b.get("/"); a.status != http.StatusSeeOther {
		t.Errorf("after a new password: %d", a.status)
	}
	b = s.as("wang", "en")
	for range 2 { // a user of the same name, made anew
		if err := desk.RemoveUser(path, "wang"); err == nil {
			put()
		}
	}
	users.LookAgain()
	if a := b.get("/"); a.status != http.StatusSeeOther {
		t.Errorf("another user of the same name: %d", a.status)
	}
}

// A token without its seal, or with another one, is none.
func TestATokenIsSealed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.visitor("en")
	a := b.post("/login", url.Values{"name": {"wang"}, "password": {password}})
	token := cookie(t, a, "fahuo").Value
	secret, _, _ := strings.Cut(token, ".")
	for _, forged := range []string{secret, secret + ".", secret + "." + secret, token + "x", token[:len(token)-1], "." + token, strings.ToUpper(token)} {
		if a := s.visitor("en").do(http.MethodGet, "/", nil, http.Header{"Cookie": {"fahuo=" + forged}}); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d", forged, a.status)
		}
	}
	if a := s.visitor("en").do(http.MethodGet, "/", nil, http.Header{"Cookie": {"fahuo=" + token}}); a.status != http.StatusOK {
		t.Errorf("the token itself: %d", a.status)
	}
}

// Whoever logs in where another one was logged in ends that one's session, and the trail says whose it was.
func TestTheTrailSaysWhoseSessionHasEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.as("wang", "en")
	b.post("/login", url.Values{"name": {"li"}, "password": {password}})
	outs, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActLogout}, 10)
	if err != nil || len(outs) != 1 || outs[0].Actor != "wang" {
		t.Errorf("%+v %v", outs, err)
	}
}

// What is typed where the name belongs may be a password, and of any length: it does not get into the log.
func TestTheLogHoldsNoPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.desk.StopAttempts()
	b := s.visitor("en")
	for range 2 {
		b.post("/login", url.Values{"name": {password}, "password": {strings.Repeat("x", 1000)}})
		s.desk.RefuseMany(0, "127.0.0.1")
	}
	if strings.Contains(s.log.String(), password) || !strings.Contains(s.log.String(), "wrong name or password") || !strings.Contains(s.log.String(), "too many attempts") {
		t.Error(s.log.String())
	}
}

// A users file that has become faulty changes nothing, and that is said: somebody may believe he has taken a user out.
func TestAFaultyUsersFileIsReported(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.yaml")
	if _, err := desk.PutUser(path, user(t, "wang", desk.Operator)); err != nil {
		t.Fatal(err)
	}
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, func(o *desk.Options) { o.Users = users })
	b := s.as("wang", "en")
	if err := os.WriteFile(path, []byte("users: [nobody"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		users.LookAgain()
		b.look("/")
	}
	if n := strings.Count(s.log.String(), "the users file cannot be read"); n != 1 {
		t.Errorf("said %d times: %s", n, s.log.String())
	}
}

// What no ledger takes, and what would make a page of any size, is turned away before it is looked for.
func TestStrangeAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.acceptMany(partner, 1, 3)
	b := s.as("wang", "en")
	long := strings.Repeat("9", 7000)
	for path, want := range map[string]int{
		"/dead/" + partner + "/%00":                          http.StatusNotFound,
		"/dead/%ff/1":                                        http.StatusNotFound,
		"/dead/" + partner + "/" + long:                      http.StatusNotFound,
		"/dead/" + partner + "/..%2f..%2faudit":              http.StatusNotFound,
		"/dead/..%2f..%2f/%2e%2e%2f":                         http.StatusNotFound,
		"/dead/" + partner + "/2026112300000000000%EF%BC%91": http.StatusNotFound,
		"/dead?batch=%00":                                    http.StatusBadRequest,
		"/dead?q=%ff":                                        http.StatusBadRequest,
		"/batches?name=%00":                                  http.StatusBadRequest,
		"/shipments?" + strings.Repeat("x=1&", 5000):         http.StatusNotFound,
		"/shipments?pos=9223372036854775807&after=9223372036854775807-9223372036854775807": http.StatusOK,
		"/dead?after=-9223372036854775808--1&from=0000-00-00&to=9999-12-31":                http.StatusOK,
		"/bulk/99999999999999999999": http.StatusNotFound,
		"/bulk/-1":                   http.StatusNotFound,
	} {
		if a := b.get(path); a.status != want || len(a.body) > 1<<20 {
			t.Errorf("%.60s: %d with %d bytes, want %d", path, a.status, len(a.body), want)
		}
	}
	if s.log.Len() > 0 {
		t.Error(s.log.String())
	}
}
