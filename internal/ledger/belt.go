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
// found in the wrong one half of the time. Which one it is stands in the ledger, with every worker that uses
// it and the time at which it last said so. Each says so for itself, so that one that leaves takes its own
// word back and nobody else's: a belt that another worker still uses stays live without a gap.

// BeltLease is how long a belt counts as live after a worker last said that it uses it, unless the worker has
// taken that back.
const BeltLease = 15 * time.Second

// beltRenew is how often each worker says so.
const beltRenew = BeltLease / 5

// Belt is a Redis that a worker of this ledger uses.
type Belt struct {
	ID     string // random, made when the Redis was first loaded; gone with its data
	Name   string // its address, for people; loopback addresses with the host's name
	Was    string // the ID under which the caller knew it a moment ago; empty: it did not
	Worker string // who said so last; empty: an order system has loaded it and no worker has seen it yet
	Seen   time.Time
}

// OtherBeltError says that the ledger's live belt is another one. Other's Worker is the one that last said so
// of those that have not taken it back.
type OtherBeltError struct {
	Mine, Other Belt
	Ago         time.Duration // since Other.Seen, by the ledger's clock
}

func (e *OtherBeltError) Error() string {
	return fmt.Sprintf("this ledger's belt is another Redis: %s, in use by worker %s at %s; this process was told to use %s. "+
		"One ledger has one Redis: give all processes the same --redis (REDIS_URL), or stop the other worker first",
		e.Other.Name, e.Other.Worker, e.Other.Seen.Format(time.RFC3339), e.Mine.Name)
}

// beltRow is how the belt stands in the ledger.
type beltRow struct {
	ID, Name, Worker string           // Worker: who was there last
	Seen             int64            // when that was
	Workers          map[string]int64 // who uses it, and when each last said so
}

// live is the worker that last said that it uses the belt, if that was within the lease.
func (b beltRow) live(now int64) (worker string, seen int64, ok bool) {
	for name, at := range b.Workers {
		if now-at < BeltLease.Microseconds() && (!ok || at > seen) {
			worker, seen, ok = name, at, true
		}
	}
	return worker, seen, ok
}

// said is the row after a worker has said that it uses the belt, without those that have fallen silent.
func (b beltRow) said(worker string, now int64) beltRow {
	next := map[string]int64{worker: now}
	for name, at := range b.Workers {
		if name != worker && now-at < BeltLease.Microseconds() {
			next[name] = at
		}
	}
	b.Worker, b.Seen, b.Workers = worker, now, next
	return b
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
	if known := parseBelt(text); known.ID == b.ID && (b.Worker == "" || now-known.Workers[b.Worker] < beltRenew.Microseconds()) {
		return false, nil // nothing to say that has not just been said
	}
	err = l.tx(ctx, "belt", func(t *tx) error {
		loaded, err = t.useBelt(b)
		return err
	})
	return loaded, err
}

// RenewBelt is UseBelt for a worker whose belt is the live one; otherwise nothing happens. It loads nothing: that is
// for whoever feeds it.
func (l *Ledger) RenewBelt(ctx context.Context, b Belt) error {
	return l.tx(ctx, "belt", func(t *tx) error {
		known, err := t.belt()
		if err != nil || known.ID != b.ID {
			return err
		}
		_, err = t.useBelt(b)
		return err
	})
}

const selectBelt = `SELECT value FROM ledger WHERE name = 'belt'`

// parseBelt reads what stands in the ledger; nothing, or nothing readable, is no belt. Workers is never nil.
func parseBelt(text string) (b beltRow) {
	if json.Unmarshal([]byte(text), &b) != nil {
		b = beltRow{}
	}
	if b.Workers == nil {
		b.Workers = make(map[string]int64)
		if b.Worker != "" { // written when the last of them was all that was noted
			b.Workers[b.Worker] = b.Seen
		}
	}
	return b
}

func (t *tx) belt() (beltRow, error) {
	var text string
	if err := t.row(selectBelt).Scan(&text); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return beltRow{}, fmt.Errorf("ledger: %w", err)
	}
	return parseBelt(text), nil
}

func (t *tx) setBelt(b beltRow) error {
	value, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO ledger (name, value) VALUES ('belt', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, string(value))
}

func (t *tx) useBelt(b Belt) (loaded bool, err error) {
	known, err := t.belt()
	if err != nil {
		return false, err
	}
	worker, seen, live := known.live(t.now)
	if known.ID != b.ID && live && known.Name != b.Name && known.ID != b.Was {
		return false, &OtherBeltError{
			Mine: b, Other: Belt{ID: known.ID, Name: known.Name, Worker: worker, Seen: at(seen)},
			Ago: time.Duration(t.now-seen) * time.Microsecond,
		}
	}
	if b.Worker == "" && known.ID == b.ID {
		return false, nil
	}
	next := beltRow{ID: b.ID, Name: b.Name, Seen: t.now, Workers: known.Workers}
	if known.ID != b.ID && known.Name != b.Name && known.ID != b.Was {
		next.Workers = nil // they used another Redis
	}
	if b.Worker != "" {
		next = next.said(b.Worker, t.now)
	}
	if err := t.setBelt(next); err != nil {
		return false, err
	}
	if err := t.creditAbsence(known, b); err != nil || known.ID == b.ID {
		return false, err
	}
	return true, t.exec(`UPDATE shipments SET feed = 1 WHERE state IN ('queued', 'dead') AND feed = 0`)
}

// LeaveBelt takes back that a worker uses a belt: another Redis may follow at once, unless another worker
// still uses this one. It changes nothing when the worker's word does not stand there any more: when another
// belt has followed, or it has been silent for longer than the lease.
func (l *Ledger) LeaveBelt(ctx context.Context, b Belt) error {
	return l.tx(ctx, "belt", func(t *tx) error {
		known, err := t.belt()
		if err != nil {
			return err
		}
		if _, uses := known.Workers[b.Worker]; !uses || known.ID != b.ID {
			return nil
		}
		// That it was there until now stays: the time from now on is nobody's retry budget.
		known = known.said(b.Worker, t.now)
		delete(known.Workers, b.Worker)
		return t.setBelt(known)
	})
}

// creditAbsence takes the time in which no worker has said anything here out of every retry budget.
func (t *tx) creditAbsence(known beltRow, b Belt) error {
	if b.Worker == "" || known.Worker == "" {
		return nil
	}
	return t.credit(known.Seen, "")
}
