package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A ledger has one live belt: shipments put into two Redis servers would be looked at twice as often and
// found in the wrong one half of the time. Which one it is stands in the ledger, with the time at which a
// worker last said that it uses it.

// BeltLease is how long a belt counts as live after a worker last said that it uses it.
const BeltLease = 15 * time.Second

// beltRenew is how often that is said.
const beltRenew = BeltLease / 5

// Belt is a Redis that a worker of this ledger uses.
type Belt struct {
	ID     string // random, made when the Redis was first loaded; gone with its data
	Name   string // its address, for people; loopback addresses with the host's name
	Was    string // the ID under which the caller knew it a moment ago; empty: it did not
	Worker string // who said so last; empty: an order system has loaded it and no worker has seen it yet
	Seen   time.Time
}

// OtherBeltError says that the ledger's live belt is another one.
type OtherBeltError struct{ Mine, Other Belt }

func (e *OtherBeltError) Error() string {
	return fmt.Sprintf("this ledger's belt is another Redis: %s, in use by worker %s at %s; this process was told to use %s. "+
		"One ledger has one Redis: give all processes the same --redis (REDIS_URL), or stop the other worker first",
		e.Other.Name, e.Other.Worker, e.Other.Seen.Format(time.RFC3339), e.Mine.Name)
}

// beltRow is how the belt stands in the ledger.
type beltRow struct {
	ID, Name, Worker string
	Seen             int64
}

// UseBelt says that a worker (or, with an empty Worker, an order system) uses a belt. A belt that the ledger
// did not know is loaded from the start: everything that belongs there is marked to be fed, in the same
// transaction. An *OtherBeltError when another belt is live and is not known to be gone: the same address
// under a new ID, or the one that the caller has just used, is the same Redis, wiped.
func (l *Ledger) UseBelt(ctx context.Context, b Belt) (loaded bool, err error) {
	now, err := l.now(ctx)
	if err != nil {
		return false, err
	}
	text, err := first(ctx, l, func(s scanner) (v string, err error) { return v, s.Scan(&v) }, selectBelt)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("ledger: %w", err)
	}
	if known := parseBelt(text); known.ID == b.ID && (b.Worker == "" || now-known.Seen < beltRenew.Microseconds()) {
		return false, nil // nothing to say that has not just been said
	}
	err = l.tx(ctx, "belt", func(t *tx) error {
		loaded, err = t.useBelt(b)
		return err
	})
	return loaded, err
}

const selectBelt = `SELECT value FROM ledger WHERE name = 'belt'`

// parseBelt reads what stands in the ledger; nothing, or nothing readable, is no belt.
func parseBelt(text string) (b beltRow) {
	if json.Unmarshal([]byte(text), &b) != nil {
		return beltRow{}
	}
	return b
}

func (t *tx) useBelt(b Belt) (loaded bool, err error) {
	var text string
	if err := t.row(selectBelt).Scan(&text); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("ledger: %w", err)
	}
	known := parseBelt(text)
	live := known.Worker != "" && t.now-known.Seen < BeltLease.Microseconds()
	if known.ID != b.ID && live && known.Name != b.Name && known.ID != b.Was {
		return false, &OtherBeltError{Mine: b, Other: Belt{ID: known.ID, Name: known.Name, Worker: known.Worker, Seen: at(known.Seen)}}
	}
	next := beltRow{ID: b.ID, Name: b.Name, Worker: b.Worker, Seen: t.now}
	if b.Worker == "" && known.ID == b.ID {
		return false, nil
	}
	value, err := json.Marshal(next)
	if err != nil {
		return false, err
	}
	err = t.exec(`INSERT INTO ledger (name, value) VALUES ('belt', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, string(value))
	if err != nil {
		return false, err
	}
	if err := t.creditAbsence(known, b); err != nil || known.ID == b.ID {
		return false, err
	}
	return true, t.exec(`UPDATE shipments SET feed = 1 WHERE state IN ('queued', 'dead') AND feed = 0`)
}

// creditAbsence takes the time in which no worker has said anything here out of every retry budget.
func (t *tx) creditAbsence(known beltRow, b Belt) error {
	if b.Worker == "" || known.Worker == "" {
		return nil
	}
	return t.credit(known.Seen, "")
}
