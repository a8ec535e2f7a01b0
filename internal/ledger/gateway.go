package ledger

import (
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// While Alipay is out of order, calling on at full pace would only spend the retry budget of everything in line. So
// an account whose calls come to nothing ten times in a row is slowed: one call a minute or so finds out when it is
// over. The first call that Alipay answers properly, or turns out to have shipped its trade, ends it.
//
// The time until then is in no budget, if more than one shipment is in trouble, and for no longer than a budget is:
// one that Alipay can never answer, alone in the line or with its like, has to come to a person.

// TroublesInARow is how many calls of an account may come to nothing in a row before it is slowed.
const TroublesInARow = 10

// ProbeEvery is how far apart the calls of a slowed account are, unless somebody says otherwise.
const ProbeEvery = time.Minute

func orProbeEvery(d time.Duration) time.Duration {
	if d == 0 {
		return ProbeEvery
	}
	return d
}

// Slowed is why and since when an account is called for rarely.
type Slowed struct {
	Code  string // Alipay's code to the last call; empty: there was no answer that counts
	Since time.Time
}

// Health is what a call tells about Alipay's side.
type Health int

// The values of Health.
const (
	HealthUnsaid   Health = iota // nothing
	HealthWell                   // it works
	HealthTroubled               // it does not
)

// health counts troubles in a row and slows the account at the tenth, or sets it free.
func (t *tx) health(begun Row, f Finish, actor string) error {
	partner := begun.Partner
	if f.NotSent {
		return nil
	}
	switch f.Health {
	case HealthUnsaid:
		return nil
	case HealthWell:
		return t.well(partner, actor)
	case HealthTroubled:
	}
	if err := t.exec(`UPDATE accounts SET troubles = troubles + 1 WHERE partner = ?`, partner); err != nil {
		return err
	}
	n, err := t.changed(`UPDATE accounts SET slowed_at = CASE WHEN slowed_at = 0 THEN ? ELSE slowed_at END, slowed_by = ?
		WHERE partner = ? AND troubles >= ?`, t.now, f.Move.Code, partner, TroublesInARow)
	if err != nil || n == 0 {
		return err
	}
	var since int64
	if err := t.row(`SELECT slowed_at FROM accounts WHERE partner = ?`, partner).Scan(&since); err != nil {
		return fmt.Errorf("ledger: account %s: %w", partner, err)
	}
	if err := t.pauseBudgets(begun, since, f.PauseMost); err != nil {
		return err
	}
	if since != t.now {
		return nil // it was slowed before
	}
	return t.enter(entry{key: shipment.Key{Partner: partner}, actor: actor, act: ActSlow, detail: f.Move.Code})
}

// pauseBudgets stops the retry budgets of a slowed account, or has them go on.
func (t *tx) pauseBudgets(begun Row, slowedAt int64, most time.Duration) error {
	var others int64
	if most == 0 || t.now-slowedAt < most.Microseconds() {
		err := t.row(`SELECT COUNT(*) FROM (SELECT 1 FROM shipments WHERE partner = ? AND state IN ('queued', 'calling')
			AND begun = 1 AND failures > 0 AND id <> ? LIMIT 1) others`, begun.Partner, begun.ID).Scan(&others)
		if err != nil {
			return fmt.Errorf("ledger: account %s: %w", begun.Partner, err)
		}
	}
	if others > 0 {
		return t.exec(`UPDATE accounts SET paused_at = ? WHERE partner = ? AND paused_at = 0`, t.now, begun.Partner)
	}
	return t.endPause(begun.Partner, "held_at = 0")
}

// well ends a row of troubles, and brings the full pace back. Also when a query or a notification says that a call
// has shipped its trade: it has not come to nothing, though its answer got lost.
func (t *tx) well(partner, actor string) error {
	n, err := t.changed(`UPDATE accounts SET slowed_at = 0, slowed_by = '' WHERE partner = ? AND slowed_at <> 0`, partner)
	if err == nil && n > 0 {
		if err = t.unpause(partner); err == nil {
			err = t.enter(entry{key: shipment.Key{Partner: partner}, actor: actor, act: ActFullPace})
		}
	}
	if err != nil {
		return err
	}
	return t.exec(`UPDATE accounts SET troubles = 0 WHERE partner = ? AND troubles > 0`, partner)
}

// unpause takes the pause out of every retry budget, once the account is neither on hold nor slowed. Before it the
// absence that went before the pause: with a pause that is over, whoever credits later would count its time once more,
// if the account had shown no sign of life since.
func (t *tx) unpause(partner string) error {
	return t.endPause(partner, "held_at = 0 AND slowed_at = 0")
}

func (t *tx) endPause(partner, where string) error {
	seen, err := t.seen()
	if err != nil {
		return err
	}
	if err := t.credit(seen, partner); err != nil {
		return err
	}
	if err := t.exec(`UPDATE accounts SET alive_at = ? WHERE partner = ?`, t.now, partner); err != nil {
		return err
	}
	return t.exec(`UPDATE accounts SET held_us = held_us + (? - paused_at), paused_at = 0
		WHERE partner = ? AND paused_at <> 0 AND `+where, t.now, partner)
}

// HoldUnverified is the code of a hold for answers whose signature is wrong.
const HoldUnverified = "UNVERIFIED_ANSWERS"

// BadInARow is how many answers in a row have to be signed wrongly before it counts.
const BadInARow = 5

// querySign watches over the signatures of query answers. Their rule is proven: five in a row that do not verify
// hold the account, since somebody may sit in between.
func (t *tx) querySign(partner string, a Answer, actor string) error {
	switch {
	case a.Verified:
		return t.exec(`UPDATE accounts SET bad_queries = 0, queries_verify = 1 WHERE partner = ? AND (bad_queries > 0 OR queries_verify = 0)`, partner)
	case !a.Unverified:
		return nil
	}
	if err := t.exec(`UPDATE accounts SET bad_queries = bad_queries + 1 WHERE partner = ?`, partner); err != nil {
		return err
	}
	var bad int64
	if err := t.row(`SELECT COALESCE(MAX(bad_queries), 0) FROM accounts WHERE partner = ?`, partner).Scan(&bad); err != nil {
		return fmt.Errorf("ledger: account %s: %w", partner, err)
	}
	if bad < BadInARow {
		return nil
	}
	_, err := t.hold(partner, Hold{
		Code: HoldUnverified, Kind: HoldBadAnswers,
		Reason: fmt.Sprintf("the signatures of %d query answers in a row do not verify: "+
			"somebody may sit between this machine and Alipay, or the key or sign type is not the account's", bad),
	}, actor)
	return err
}

// shipSign watches over the signatures of ship successes. Their rule is a guess, so they never hold an account: each
// is settled by a query. Where queries verify and five successes in a row do not, it is the guess that is wrong.
func (t *tx) shipSign(partner string, a Answer) error {
	switch {
	case a.Verified && !a.Unverified && a.Code == "":
		return t.exec(`UPDATE accounts SET bad_ships = 0, strange_sign_at = 0 WHERE partner = ? AND bad_ships > 0`, partner)
	case !a.Unverified:
		return nil
	}
	err := t.exec(`UPDATE accounts SET bad_ships = bad_ships + 1 WHERE partner = ?`, partner)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE accounts SET strange_sign_at = ? WHERE partner = ? AND strange_sign_at = 0 AND bad_ships >= ?
		AND queries_verify = 1 AND bad_queries = 0`, t.now, partner, BadInARow)
}
