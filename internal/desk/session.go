package desk

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"

	"fahuo/internal/ledger"
)

// cookieName: with __Host- the browser refuses it from anybody but this very host, and without Secure.
func (d *Desk) cookieName() string {
	if d.o.SecureCookies {
		return "__Host-fahuo"
	}
	return "fahuo"
}

func (d *Desk) cookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure where the desk is reached by https; on loopback it may not be
		Name: d.cookieName(), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: d.o.SecureCookies, SameSite: http.SameSiteLaxMode,
	}
}

// digest is what the ledger knows of a session.
func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sessionUser is who is logged in; the zero User when nobody is. The role is the one that the users file has now.
func (q *request) sessionUser() (User, error) {
	cookie, err := q.Cookie(q.d.cookieName())
	if err != nil || cookie.Value == "" {
		return User{}, nil //nolint:nilerr // no cookie: nobody
	}
	session, err := q.d.o.Book.Session(q.Context(), digest(cookie.Value))
	if errors.Is(err, ledger.ErrNotFound) {
		return User{}, nil
	}
	if err != nil {
		return User{}, err
	}
	user, _ := q.d.o.Users.Find(session.User)
	return user, nil
}

// loginView is what the login page shows.
type loginView struct {
	To    string // where to go on
	Name  string
	Error string // the key of what was wrong
}

func (q *request) loginPage() error {
	to := localPath(q.FormValue("to"))
	if q.user.Name != "" {
		if to == "" {
			to = "/"
		}
		return q.redirect(to)
	}
	return q.page(http.StatusOK, "login", loginView{To: to})
}

// login opens a session under a new token: one that somebody has planted in the browser is worth nothing.
func (q *request) login() error {
	name, password := q.PostFormValue("name"), q.PostFormValue("password")
	view := loginView{To: localPath(q.PostFormValue("to")), Name: name}
	user, _ := q.d.o.Users.Find(name)
	right, allowed := q.d.attempts.try(q.Context(), name, q.address(), func() bool { return user.matches(password) })
	if !allowed {
		q.d.o.Log.Warn().Str("user", name).Str("address", q.address()).Msg("too many attempts to log in")
		q.w.Header().Set("Retry-After", "60")
		view.Error = "login.too_many"
		return q.page(http.StatusTooManyRequests, "login", view)
	}
	if !right {
		q.d.o.Log.Warn().Str("user", name).Str("address", q.address()).Msg("wrong name or password")
		view.Error = "login.wrong"
		return q.page(http.StatusUnauthorized, "login", view)
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	token := base64.RawURLEncoding.EncodeToString(random[:])
	if old, err := q.Cookie(q.d.cookieName()); err == nil {
		if err := q.d.o.Book.CloseSession(q.Context(), digest(old.Value), name); err != nil {
			return err
		}
	}
	if err := q.d.o.Book.OpenSession(q.Context(), digest(token), name, q.address(), sessionLasts); err != nil {
		return err
	}
	http.SetCookie(q.w, q.d.cookie(token, int(sessionLasts.Seconds())))
	if view.To == "" {
		view.To = "/"
	}
	return q.redirect(view.To)
}

func (q *request) logout() error {
	if cookie, err := q.Cookie(q.d.cookieName()); err == nil {
		if err := q.d.o.Book.CloseSession(q.Context(), digest(cookie.Value), q.user.Name); err != nil {
			return err
		}
	}
	http.SetCookie(q.w, q.d.cookie("", -1))
	return q.redirect("/login")
}
