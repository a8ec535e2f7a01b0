package desk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// request is one that is being answered.
type request struct {
	*http.Request
	d    *Desk
	w    http.ResponseWriter
	user User // zero before login
	lang *language
	now  time.Time // the ledger's
}

// handle finds out who asks and in which language, refuses who may not, and answers.
func (d *Desk) handle(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, to.most())
		q := &request{Request: r, d: d, w: w, lang: d.language(r)}
		if err := q.admit(to.role, to.handle); err != nil { //nolint:contextcheck // the request's context travels in the request
			q.fail(err)
		}
	})
}

// admit lets a request through to its handler.
func (q *request) admit(role Role, f func(*request) error) (err error) {
	// A page repeats its address in every link, so a long one would make a page of any size.
	if len(q.URL.RequestURI()) > maxAddress || !readable(q.URL.Path) {
		return &problem{http.StatusNotFound, "error.not_found"}
	}
	if q.now, err = q.d.o.Book.Now(q.Context()); err != nil {
		return err
	}
	if q.user, err = q.sessionUser(); err != nil {
		return err
	}
	switch {
	case role == anybody:
	case q.user.Name == "" && q.Method == http.MethodGet:
		return q.redirect("/login?" + url.Values{"to": {q.URL.RequestURI()}}.Encode())
	case q.user.Name == "":
		return &problem{http.StatusUnauthorized, "error.session"}
	case !q.user.Role.may(role):
		return &problem{http.StatusForbidden, "error.role"}
	}
	if err := q.ParseForm(); err != nil {
		return &problem{http.StatusBadRequest, "error.form"}
	}
	for name, values := range q.Form {
		if !readable(name) || !readable(strings.Join(values, "")) {
			return &problem{http.StatusBadRequest, "error.form"}
		}
	}
	return f(q)
}

// maxAddress is the longest address that is answered, in bytes: many times what the longest filter takes.
const maxAddress = 8 << 10

// readable tells whether a text is one that any ledger takes: PostgreSQL knows no NUL, and nothing but UTF-8.
func readable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// problem is an answer that is not what was asked for: a status and the key of what is said.
type problem struct {
	status int
	key    string
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.status, p.key) }

// fail turns an error into a page.
func (q *request) fail(err error) {
	var p *problem
	var obstacle *ledger.ObstacleError
	var field *shipment.FieldError
	view := failure{Status: http.StatusInternalServerError, Key: "error.internal"}
	switch {
	case errors.As(err, &p):
		view.Status, view.Key = p.status, p.key
	case errors.Is(err, ledger.ErrNotFound):
		view.Status, view.Key = http.StatusNotFound, "error.not_found"
	case errors.Is(err, ledger.ErrStale):
		view.Status, view.Key = http.StatusConflict, "error.stale"
	case errors.As(err, &obstacle):
		view.Status, view.Key = http.StatusConflict, "obstacle."+string(obstacle.Obstacle)
	case errors.As(err, &field):
		view.Status, view.Key, view.Field, view.Detail = http.StatusUnprocessableEntity, "error.field", field.Field, field.Reason
	case errors.Is(err, context.Canceled):
		return // nobody reads it
	default:
		q.d.o.Log.Error().Err(err).Str("path", q.URL.Path).Str("user", q.user.Name).Msg("a page cannot be answered")
	}
	if q.Method == http.MethodGet {
		view.Back = "/"
	} else if view.Back = q.back(); view.Back == "" {
		view.Back = "/"
	}
	if err := q.page(view.Status, "failure", view); err != nil {
		q.d.o.Log.Error().Err(err).Msg("the page that tells of an error cannot be made")
		http.Error(q.w, http.StatusText(view.Status), view.Status)
	}
}

// failure is what the page of an error shows.
type failure struct {
	Status        int
	Key           string
	Field, Detail string
	Back          string
}

func (q *request) notFound() error { return &problem{http.StatusNotFound, "error.not_found"} }

// redirect sends the browser to an address of ours, to be read with GET.
func (q *request) redirect(to string) error {
	http.Redirect(q.w, q.Request, to, http.StatusSeeOther)
	return nil
}

// back is where a form wants to return to: a path of ours, or nothing.
func (q *request) back() string { return localPath(q.PostFormValue("back")) }

// localPath lets through what stays on this host.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") {
		return ""
	}
	return to
}

// address is who asks. What a proxy says of whom it asks for counts only from a proxy that the desk was told of, and
// only as far as such proxies have written it: what stands before that is whatever the browser has sent.
func (q *request) address() string {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return q.RemoteAddr
	}
	hops := strings.Split(strings.Join(q.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && q.d.proxy(host); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = hop.Unmap().String()
	}
	return host
}

// proxy tells whether an address is that of a proxy which is believed.
func (d *Desk) proxy(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(d.o.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap().WithZone("")) })
}
