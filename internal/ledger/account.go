package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// SameDeaths is how many shipments of one account may die in a row with one code before the account
// is held: one cause, one alarm.
const SameDeaths = 10

// Account is an account's row and the ledger's time at which it was read.
type Account struct {
	Partner   string
	Name      string
	Interval  time.Duration
	Announced time.Time // when a worker last announced it; zero: never
	OpenAt    time.Time // nobody begins a call before
	InFlight  bool      // a call holds the slot; OpenAt is its fence
	Hold      *Hold     // nil: not on hold
	Slowed    *Slowed   // nil: full pace
	NoQueryAt time.Time // since when Alipay refuses it queries; zero: it does not
	Now       time.Time

	// StrangeSignAt is since when ship successes do not verify though queries do: Alipay signs them in a way that
	// is not known here, and each is settled by a query. Zero: it does not.
	StrangeSignAt time.Time

	heldUS   int64         // time on hold or slowed up to Now
	pausedAt int64         // since when it is on hold or slowed without a break; 0: it is neither
	aliveAt  int64         // the last call begun or pause ended
	answer   time.Duration // from the begin of a call to its answer, as a mean; zero: none was answered yet
}

const accountColumns = `partner, name, interval_us, announced_at, open_at, token, held_at, held_code, held_kind, held_deaths, held_reason, held_us,
	no_query_at, alive_at, answer_us, paused_at, slowed_at, slowed_by, strange_sign_at`

// selectAccount reads accounts, and the ledger's time with them.
func (l *Ledger) selectAccount() string {
	return `SELECT ` + accountColumns + `, ` + l.dialect.nowColumn + ` FROM accounts `
}

func scanAccount(s scanner) (Account, error) {
	var a Account
	var interval, announced, open, token, heldAt, noQuery, answer, slowedAt, strange, now int64
	var h Hold
	var slowed Slowed
	err := s.Scan(&a.Partner, &a.Name, &interval, &announced, &open, &token, &heldAt, &h.Code, &h.Kind, &h.Deaths, &h.Reason, &a.heldUS, &noQuery,
		&a.aliveAt, &answer, &a.pausedAt, &slowedAt, &slowed.Code, &strange, &now)
	now, a.answer = orHost(now), time.Duration(answer)*time.Microsecond
	a.Interval = time.Duration(interval) * time.Microsecond
	a.Announced, a.OpenAt, a.InFlight, a.NoQueryAt, a.Now = at(announced), at(open), token != 0 && open > now, at(noQuery), at(now)
	if heldAt != 0 {
		h.Since = at(heldAt)
		a.Hold = &h
	}
	if slowedAt != 0 {
		slowed.Since = at(slowedAt)
		a.Slowed = &slowed
	}
	if a.pausedAt != 0 {
		a.heldUS += now - a.pausedAt
	}
	a.StrangeSignAt = at(strange)
	return a, err
}

// Spent is how much of a shipment's retry budget is used: the time since its first attempt after
// acceptance or sending again, without the time in which the account was on hold or slowed, or no worker
// could reach the ledger.
func (a Account) Spent(r Row) time.Duration {
	if r.budgetAt == 0 {
		return 0
	}
	return time.Duration(a.Now.UnixMicro()-r.budgetAt-(a.heldUS-r.budgetHeld)) * time.Microsecond
}

// named tells apart an account that somebody has named from one that merely has shipments.
const named = `(announced_at > 0 OR held_at > 0 OR held_us > 0)`

// Account reads one account. ErrNotFound when neither worker nor person has named it.
func (l *Ledger) Account(ctx context.Context, partner string) (Account, error) {
	a, err := first(ctx, l, scanAccount, l.selectAccount()+`WHERE partner = ? AND `+named, partner)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, absent("account " + partner)
	}
	if err != nil {
		return Account{}, fmt.Errorf("ledger: %w", err)
	}
	return a, nil
}

func (t *tx) account(partner string) (Account, error) {
	known, err := listIn(t.ctx, t.Tx, t.dialect, scanAccount, `SELECT `+accountColumns+`, `+t.dialect.nowColumn+` FROM accounts WHERE partner = ?`, partner)
	if err == nil && len(known) == 0 {
		err = absent("account " + partner)
	}
	if err != nil {
		return Account{}, err
	}
	return known[0], nil
}

// Accounts reads all accounts that a worker has announced, by partner.
func (l *Ledger) Accounts(ctx context.Context) ([]Account, error) {
	return list(ctx, l, scanAccount, l.selectAccount()+`WHERE announced_at > 0 ORDER BY partner`)
}

// HeldAhead reads the accounts that a person has put on hold and no worker has announced yet, by partner.
func (l *Ledger) HeldAhead(ctx context.Context) ([]Account, error) {
	return list(ctx, l, scanAccount, l.selectAccount()+`WHERE announced_at = 0 AND held_at > 0 ORDER BY partner`)
}

// KnownAccounts reads all accounts that a worker has announced or that have shipments, by partner.
func (l *Ledger) KnownAccounts(ctx context.Context) ([]Account, error) {
	return list(ctx, l, scanAccount, l.selectAccount()+`ORDER BY partner`)
}

// Announce writes the accounts that a worker serves: partner, name and interval.
func (l *Ledger) Announce(ctx context.Context, accounts []Account) error {
	return l.tx(ctx, "announce", func(t *tx) error {
		for _, a := range accounts {
			err := t.exec(`INSERT INTO accounts (partner, name, interval_us, announced_at) VALUES (?, ?, ?, ?)
				ON CONFLICT (partner) DO UPDATE SET name = CASE WHEN excluded.name = '' THEN accounts.name ELSE excluded.name END, interval_us = excluded.interval_us,
				announced_at = excluded.announced_at`, a.Partner, a.Name, a.Interval.Microseconds(), t.now)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// SetHold puts an account on hold and tells whether it did; one that is held already stays so for its first reason.
// An account that no worker has announced yet may be held in advance.
func (l *Ledger) SetHold(ctx context.Context, partner, code, reason, actor string) (held bool, err error) {
	err = l.tx(ctx, "hold", func(t *tx) error {
		if err := t.exec(`INSERT INTO accounts (partner) VALUES (?) ON CONFLICT (partner) DO NOTHING`, partner); err != nil {
			return err
		}
		held, err = t.hold(partner, Hold{Code: code, Reason: reason}, actor)
		return err
	})
	return held, err
}

func (t *tx) hold(partner string, h Hold, actor string) (held bool, err error) {
	n, err := t.changed(`UPDATE accounts SET held_at = ?, held_code = ?, held_kind = ?, held_deaths = ?, held_reason = ?,
		paused_at = CASE WHEN paused_at = 0 THEN ? ELSE paused_at END WHERE partner = ? AND held_at = 0`,
		t.now, h.Code, string(h.Kind), h.Deaths, h.Reason, t.now, partner)
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.enter(entry{
		key: shipment.Key{Partner: partner}, actor: actor, act: ActHold, detail: h.text(), audit: h.Code == HoldManual,
		before: values(map[string]string{"hold": ""}), after: values(h.values()),
	})
}

// Release lifts a hold and tells whether there was one. Shipments that Alipay has refused for the account's sake let
// others go first: those show whether it is the account. The reason, which may be empty, is for whoever looks later.
func (l *Ledger) Release(ctx context.Context, partner, reason, actor string) (released bool, err error) {
	err = l.tx(ctx, "release", func(t *tx) error {
		released = false // it may run again
		account, err := t.account(partner)
		if errors.Is(err, ErrNotFound) || err == nil && account.Hold == nil {
			return nil // nothing is credited either: whoever credits says that the account is alive, or it would count again
		}
		if err != nil {
			return err
		}
		n, err := t.changed(`UPDATE accounts SET held_at = 0, held_code = '', held_kind = '', held_deaths = 0, held_reason = '',
			deaths = 0, death_code = '', bad_queries = 0 WHERE partner = ? AND held_at <> 0`, partner)
		if err != nil || n == 0 {
			return err
		}
		if err := t.unpause(partner); err != nil {
			return err
		}
		released = true
		if err := t.giveWay(account, actor); err != nil {
			return err
		}
		return t.enter(entry{
			key: shipment.Key{Partner: partner}, actor: actor, act: ActRelease, detail: reason, audit: true,
			before: values(account.Hold.values()), after: values(map[string]string{"hold": ""}),
		})
	})
	return released, err
}

// MayNotQuery remembers that Alipay refuses an account the query interface, or (false) that it has
// answered one. It tells whether that is news.
func (l *Ledger) MayNotQuery(ctx context.Context, partner string, refused bool) (news bool, err error) {
	err = l.tx(ctx, "note", func(t *tx) error {
		query, value := `UPDATE accounts SET no_query_at = ? WHERE partner = ? AND no_query_at <> 0`, int64(0)
		if refused {
			query, value = `UPDATE accounts SET no_query_at = ? WHERE partner = ? AND no_query_at = 0`, t.now
		}
		n, err := t.changed(query, value, partner)
		news = n > 0
		return err
	})
	return news, err
}

// died counts deaths in a row with one code and holds the account at the tenth.
func (t *tx) died(partner, code, actor string) error {
	if code == "" {
		return nil
	}
	err := t.exec(`UPDATE accounts SET deaths = CASE WHEN death_code = ? THEN deaths + 1 ELSE 1 END, death_code = ?
		WHERE partner = ?`, code, code, partner)
	if err != nil {
		return err
	}
	var deaths int64
	err = t.row(`SELECT COALESCE(MAX(deaths), 0) FROM accounts WHERE partner = ?`, partner).Scan(&deaths)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if deaths < SameDeaths {
		return nil
	}
	reason := fmt.Sprintf("%d shipments in a row died with this code", deaths)
	_, err = t.hold(partner, Hold{Code: code, Kind: HoldSameDeaths, Deaths: deaths, Reason: reason}, actor)
	return err
}

// lived ends a row of deaths.
func (t *tx) lived(partner string) error {
	return t.exec(`UPDATE accounts SET deaths = 0, death_code = '' WHERE partner = ? AND deaths > 0`, partner)
}
