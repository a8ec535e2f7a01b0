package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OwnerKind says whose events an endpoint gets.
type OwnerKind string

// The kinds of owners.
const (
	OwnerAccount OwnerKind = "account" // of the shipments of one account
	OwnerToken   OwnerKind = "token"   // of the shipments that were handed over with one API token
)

// Endpoint is where events are to be sent.
type Endpoint struct {
	ID          int64
	Kind        OwnerKind
	Owner       string // the account, or the token's name
	Name        string // what it is known by: an owner's endpoints have different names
	URL         string // for people; those who send have it from their own configuration
	WithdrawnAt time.Time
}

// EndpointLease is for how long an endpoint counts as announced. It is a few times the interval at which processes
// announce theirs.
const EndpointLease = 2 * time.Minute

// AnnounceEndpoints says which endpoints the calling process delivers to, and returns them with their ids. From then
// on every event of their owners is to be delivered to them, whether a process runs or not.
//
// An endpoint is withdrawn by a process that answers for the same owners, does not have it, and finds that nobody
// has announced it for EndpointLease: so the processes that still run with an older configuration need not be
// stopped first. What had not been delivered to it is given up, and may be replayed when it comes back. owners are
// the accounts or tokens that the process answers for; nil: all of that kind.
func (l *Ledger) AnnounceEndpoints(ctx context.Context, kind OwnerKind, owners []string, endpoints []Endpoint) ([]Endpoint, error) {
	if len(endpoints) == 0 { // most have none: nothing is written then
		known, err := l.Endpoints(ctx)
		if err != nil || !slices.ContainsFunc(known, func(e Endpoint) bool { return e.Kind == kind && e.WithdrawnAt.IsZero() }) {
			return nil, err
		}
	}
	announced := make([]Endpoint, len(endpoints))
	// In one order, so that two who announce the same do not wait for each other.
	endpoints = slices.Clone(endpoints)
	slices.SortFunc(endpoints, func(a, b Endpoint) int {
		return strings.Compare(a.Owner+"\n"+a.Name, b.Owner+"\n"+b.Name)
	})
	err := l.tx(ctx, "announce_endpoints", func(t *tx) error {
		for i, e := range endpoints {
			err := t.row(`INSERT INTO endpoints (kind, owner, name, url, announced_at) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (kind, owner, name) DO UPDATE SET url = excluded.url, announced_at = excluded.announced_at, withdrawn_at = 0
				RETURNING id`, string(kind), e.Owner, e.Name, e.URL, t.now).Scan(&e.ID)
			if err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			e.Kind = kind
			announced[i] = e
		}
		return t.withdraw(kind, owners)
	})
	return announced, err
}

// withdraw takes back what nobody announces any more. What was put there for it meanwhile, by somebody who had not
// seen that yet, is given up as well.
func (t *tx) withdraw(kind OwnerKind, owners []string) error {
	c := &conditions{}
	c.add("kind = ?", string(kind))
	if owners != nil {
		c.among("owner", owners)
	}
	where, args := c.where()
	err := t.exec(`UPDATE endpoints SET withdrawn_at = ? WHERE withdrawn_at = 0 AND announced_at < ? AND `+where,
		append([]any{t.now, t.now - EndpointLease.Microseconds()}, args...)...)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE deliveries SET state = 'failed', settled_at = ?, error = ? WHERE state = 'pending'
		AND endpoint IN (SELECT id FROM endpoints WHERE withdrawn_at > 0 AND `+where+`)`,
		append([]any{t.now, withdrawnError}, args...)...)
}

const withdrawnError = "the webhook is no longer configured"

// Endpoints lists all endpoints, withdrawn ones last.
func (l *Ledger) Endpoints(ctx context.Context) ([]Endpoint, error) {
	return list(ctx, l, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints p ORDER BY withdrawn_at, kind, owner, name`)
}

const endpointColumns = `p.id, p.kind, p.owner, p.name, p.url, p.withdrawn_at`

func (e *Endpoint) fields(withdrawn *int64) []any {
	return []any{&e.ID, &e.Kind, &e.Owner, &e.Name, &e.URL, withdrawn}
}

func scanEndpoint(s scanner) (e Endpoint, err error) {
	var withdrawn int64
	err = s.Scan(e.fields(&withdrawn)...)
	e.WithdrawnAt = at(withdrawn)
	return e, err
}

// String names it for people: account:2088…/erp, token:shop/erp.
func (e Endpoint) String() string { return string(e.Kind) + ":" + e.Owner + "/" + e.Name }
