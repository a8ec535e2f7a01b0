package desk

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// view is what a page's template gets: who reads it, and what it is about.
type view struct {
	Lang   string
	User   User
	Page   string // the template's name
	Path   string // with the query: where forms return to
	Now    time.Time
	Done   string // the key of what has just been done; empty: nothing
	DoneN  int64  // to how many
	Secure bool
	Data   any
}

// Operator tells whether the reader may act.
func (v view) Operator() bool { return v.User.Role == Operator }

// page answers with a page. It is made whole before anything is sent, so that a fault in it is an error and not
// half a page.
func (q *request) page(status int, name string, data any) error {
	t := q.lang.pages[name]
	if t == nil {
		return fmt.Errorf("%w: %s", errNoPage, name)
	}
	v := view{Lang: q.lang.tag, User: q.user, Page: name, Path: q.path(), Now: q.now, Secure: q.d.o.SecureCookies, Data: data}
	if status == http.StatusOK {
		v.Done, v.DoneN = q.told()
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "layout", v); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.Header().Set("Vary", "Accept-Language, Cookie")
	q.w.WriteHeader(status)
	_, _ = q.w.Write(out.Bytes()) // a browser that has gone away
	return nil
}

// path is this page's address.
func (q *request) path() string {
	query := q.URL.Query()
	if q.Method != http.MethodGet && q.back() != "" {
		return q.back()
	}
	if len(query) == 0 {
		return q.URL.Path
	}
	return q.URL.Path + "?" + query.Encode()
}

// done sends the browser to a page that tells what was done there.
func (q *request) done(to, what string, n int64) error {
	q.d.counts.empty()
	path, _, _ := strings.Cut(to, "?")
	q.tell(path, what+"."+strconv.FormatInt(n, 10), 60)
	return q.redirect(to)
}

// told is what has just been done here, once.
func (q *request) told() (done string, n int64) {
	cookie, err := q.Cookie(doneCookie)
	if err != nil {
		return "", 0
	}
	q.tell(q.URL.EscapedPath(), "", -1)
	what, number, _ := strings.Cut(cookie.Value, ".")
	if done = "done." + what; q.lang.say[done] == "" {
		return "", 0
	}
	n, _ = strconv.ParseInt(number, 10, 64)
	return done, n
}

// doneCookie tells the next page at an address what was done. In the address itself it would be anybody's to say: a
// link could claim something that nobody has done.
const doneCookie = "fahuo-done"

func (q *request) tell(path, value string, seconds int) {
	http.SetCookie(q.w, &http.Cookie{ //nolint:gosec // Secure where the desk is reached by https; on loopback it may not be
		Name: doneCookie, Value: value, Path: path, MaxAge: seconds, HttpOnly: true, Secure: q.d.o.SecureCookies, SameSite: http.SameSiteLaxMode,
	})
}
