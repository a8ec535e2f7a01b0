package desk_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"fahuo/internal/desk"
	"fahuo/internal/ledger"
)

// A session ends with the password that it was opened with, whoever has changed the users file and by whatever means:
// nobody who has stolen it outlasts the new password, or a user of the same name.
func TestASessionEndsWithItsPassword(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	put := func() {
		if _, err := desk.PutUser(path, pagesUser(t, "wang", desk.Operator)); err != nil {
			t.Fatal(err)
		}
	}
	put()
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	s := pagesDesk(t, func(o *desk.Options) { o.Users = users })
	b := s.login("wang")
	b.page("/")
	put() // the same password, under another hash: it was set anew
	users.LookAgain()
	if a := b.get("/"); a.Status != http.StatusSeeOther {
		t.Errorf("after a new password: %d", a.Status)
	}
	b = s.login("wang")
	for range 2 { // a user of the same name, made anew
		if err := desk.RemoveUser(path, "wang"); err == nil {
			put()
		}
	}
	users.LookAgain()
	if a := b.get("/"); a.Status != http.StatusSeeOther {
		t.Errorf("another user of the same name: %d", a.Status)
	}
}

// A token without its seal, or with another one, is none.
func TestATokenIsSealed(t *testing.T) {
	s := pagesDesk(t)
	b := s.browser()
	a := b.post("/login", url.Values{"name": {"wang"}, "password": {pagesPassword}})
	token := pagesCookie(t, a, "fahuo").Value
	secret, _, _ := strings.Cut(token, ".")
	for _, forged := range []string{secret, secret + ".", secret + "." + secret, token + "x", token[:len(token)-1], "." + token, strings.ToUpper(token)} {
		if a := s.browser().do(http.MethodGet, "/", nil, http.Header{"Cookie": {"fahuo=" + forged}}); a.Status != http.StatusSeeOther {
			t.Errorf("%s: %d", forged, a.Status)
		}
	}
	if a := s.browser().do(http.MethodGet, "/", nil, http.Header{"Cookie": {"fahuo=" + token}}); a.Status != http.StatusOK {
		t.Errorf("the token itself: %d", a.Status)
	}
}

// Whoever logs in where another one was logged in ends that one's session, and the trail says whose it was.
func TestTheTrailSaysWhoseSessionHasEnded(t *testing.T) {
	s := pagesDesk(t)
	b := s.login("wang")
	b.post("/login", url.Values{"name": {"li"}, "password": {pagesPassword}})
	outs, err := s.book.Audit(t.Context(), ledger.AuditFilter{Act: ledger.ActLogout}, 10)
	if err != nil || len(outs) != 1 || outs[0].Actor != "wang" {
		t.Errorf("%+v %v", outs, err)
	}
}

// What is typed where the name belongs may be a password, and of any length: it does not get into the log.
func TestTheLogHoldsNoPassword(t *testing.T) {
	var log bytes.Buffer
	s := pagesDesk(t, func(o *desk.Options) { o.Log = zerolog.New(&log) })
	b := s.browser()
	for range 2 {
		b.post("/login", url.Values{"name": {pagesPassword}, "password": {strings.Repeat("x", 1000)}})
		s.desk.RefuseMany(0, "127.0.0.1")
	}
	if strings.Contains(log.String(), pagesPassword) || !strings.Contains(log.String(), "wrong name or password") || !strings.Contains(log.String(), "too many attempts") {
		t.Error(log.String())
	}
}

// A users file that has become faulty changes nothing, and that is said: somebody may believe he has taken a user out.
func TestAFaultyUsersFileIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	if _, err := desk.PutUser(path, pagesUser(t, "wang", desk.Operator)); err != nil {
		t.Fatal(err)
	}
	users, err := desk.LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := pagesDesk(t, func(o *desk.Options) { o.Users, o.Log = users, zerolog.New(&log) })
	b := s.login("wang")
	if err := os.WriteFile(path, []byte("users: [nobody"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		users.LookAgain()
		b.page("/")
	}
	if n := strings.Count(log.String(), "the users file cannot be read"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}

// What no ledger takes, and what would make a page of any size, is turned away before it is looked for.
func TestStrangeAddresses(t *testing.T) {
	var log bytes.Buffer
	s := pagesDesk(t, func(o *desk.Options) { o.Log = zerolog.New(&log) })
	s.accept(pagesPartner, 1, 3)
	b := s.login("wang")
	long := strings.Repeat("9", 7000)
	for path, want := range map[string]int{
		"/dead/" + pagesPartner + "/%00":                          http.StatusNotFound,
		"/dead/%ff/1":                                             http.StatusNotFound,
		"/dead/" + pagesPartner + "/" + long:                      http.StatusNotFound,
		"/dead/" + pagesPartner + "/..%2f..%2faudit":              http.StatusNotFound,
		"/dead/..%2f..%2f/%2e%2e%2f":                              http.StatusNotFound,
		"/dead/" + pagesPartner + "/2026112300000000000%EF%BC%91": http.StatusNotFound,
		"/dead?batch=%00":                                         http.StatusBadRequest,
		"/dead?q=%ff":                                             http.StatusBadRequest,
		"/batches?name=%00":                                       http.StatusBadRequest,
		"/shipments?" + strings.Repeat("x=1&", 5000):              http.StatusNotFound,
		"/shipments?pos=9223372036854775807&after=9223372036854775807-9223372036854775807": http.StatusOK,
		"/dead?after=-9223372036854775808--1&from=0000-00-00&to=9999-12-31":                http.StatusOK,
		"/bulk/99999999999999999999": http.StatusNotFound,
		"/bulk/-1":                   http.StatusNotFound,
	} {
		if a := b.get(path); a.Status != want || len(a.Body) > 1<<20 {
			t.Errorf("%.60s: %d with %d bytes, want %d", path, a.Status, len(a.Body), want)
		}
	}
	if log.Len() > 0 {
		t.Error(log.String())
	}
}
