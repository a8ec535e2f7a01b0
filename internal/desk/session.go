package desk

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

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

// newToken is what the browser keeps: something random, and a seal by which it ends with the password that it was
// opened with, however the users file came to hold another one.
func newToken(user User) (string, error) {
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	secret := base64.RawURLEncoding.EncodeToString(random[:])
	return secret + "." + seal(secret, user), nil
}

// seal cannot be made by whoever has a token of earlier: it takes the hash of today's password.
func seal(secret string, user User) string { return digest(secret + " " + user.Password)[:32] }

// sealed tells whether a token was made for the user as the users file has him now.
func sealed(token string, user User) bool {
	secret, mark, found := strings.Cut(token, ".")
	return found && subtle.ConstantTimeCompare([]byte(mark), []byte(seal(secret, user))) == 1
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
	user, known := q.d.o.Users.Find(session.User)
	if !known || !sealed(cookie.Value, user) {
		return User{}, nil
	}
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
		// A name that nobody has may be a password in the wrong field, or a megabyte of anything.
		q.d.o.Log.Warn().Str("user", user.Name).Str("address", q.address()).Msg("too many attempts to log in")
		q.w.Header().Set("Retry-After", "60")
		view.Error = "login.too_many"
		return q.page(http.StatusTooManyRequests, "login", view)
	}
	if !right {
		q.d.o.Log.Warn().Str("user", user.Name).Str("address", q.address()).Msg("wrong name or password")
		view.Error = "login.wrong"
		return q.page(http.StatusUnauthorized, "login", view)
	}
	token, err := newToken(user)
	if err != nil {
		return err
	}
	if old, err := q.Cookie(q.d.cookieName()); err == nil {
		if err := q.d.o.Book.CloseSession(q.Context(), digest(old.Value)); err != nil {
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
		if err := q.d.o.Book.CloseSession(q.Context(), digest(cookie.Value)); err != nil {
			return err
		}
	}
	q.d.uploads.forget(q.user.Name)
	http.SetCookie(q.w, q.d.cookie("", -1))
	return q.redirect("/login")
}
