package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Session is a person who has logged in. The ledger holds a digest of what the browser has; it can be taken away.
type Session struct {
	User    string
	Address string // from where it was opened
	MadeAt  time.Time
	Expires time.Time
}

// OpenSession remembers a session under a digest for a while, and forgets those that are over. It may be repeated.
func (l *Ledger) OpenSession(ctx context.Context, digest, user, address string, lasts time.Duration) error {
	return l.tx(ctx, "session", func(t *tx) error {
		if err := t.exec(`DELETE FROM sessions WHERE expires_at <= ?`, t.now); err != nil {
			return err
		}
		if err := t.enter(entry{actor: user, act: ActLogin, detail: address, audit: true}); err != nil {
			return err
		}
		return t.exec(`INSERT INTO sessions (digest, username, address, made_at, expires_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (digest) DO UPDATE SET username = excluded.username, address = excluded.address, made_at = excluded.made_at,
			expires_at = excluded.expires_at`,
			digest, user, address, t.now, t.now+lasts.Microseconds())
	})
}

// Session reads the session under a digest. ErrNotFound when there is none or it is over.
func (l *Ledger) Session(ctx context.Context, digest string) (Session, error) {
	now, err := l.now(ctx)
	if err != nil {
		return Session{}, err
	}
	s, err := first(ctx, l, func(s scanner) (Session, error) {
		var v Session
		var made, expires int64
		err := s.Scan(&v.User, &v.Address, &made, &expires)
		v.MadeAt, v.Expires = at(made), at(expires)
		return v, err
	}, `SELECT username, address, made_at, expires_at FROM sessions WHERE digest = ? AND expires_at > ?`, digest, now)
	return s, orNotFound(err, "the session")
}

// CloseSession ends the session under a digest; that there is none is success. Whose it was has logged out, whoever
// logs in there now.
func (l *Ledger) CloseSession(ctx context.Context, digest string) error {
	return l.tx(ctx, "session", func(t *tx) error {
		var user string
		err := t.row(`DELETE FROM sessions WHERE digest = ? RETURNING username`, digest).Scan(&user)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return fmt.Errorf("ledger: %w", err)
		}
		return t.enter(entry{actor: user, act: ActLogout, audit: true})
	})
}

// CloseSessions ends every session of a user and tells how many there were.
func (l *Ledger) CloseSessions(ctx context.Context, user string) (n int64, err error) {
	err = l.tx(ctx, "session", func(t *tx) error {
		n, err = t.changed(`DELETE FROM sessions WHERE username = ?`, user)
		return err
	})
	return n, err
}
