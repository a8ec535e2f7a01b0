package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fahuo/internal/shipment"
)

// Act names what a line of history tells of, for pages that tell it in the reader's language.
type Act string

// What workers and order systems do.
const (
	ActAcceptedAnew Act = "accepted_anew" // handed over again after it had been closed uncalled
	ActUrgent       Act = "urgent"
	ActNoShipment   Act = "no_shipment" // a task that is no shipment; its bytes are the detail
	ActBegun        Act = "begun"
	ActTakenOver    Act = "taken_over" // no answer before the fence
	ActNotSent      Act = "not_sent"
	ActBackInLine   Act = "back_in_line"
	ActRetry        Act = "retry"       // a failed attempt, to be repeated
	ActHeldBack     Act = "held_back"   // refused for the account's sake
	ActUnanswered   Act = "unanswered"  // no answer that counts: closed until the fence
	ActShipped      Act = "shipped"     // Alipay says so
	ActDied         Act = "died"        // a person has to look
	ActLateAnswer   Act = "late_answer" // an answer after the fence
	ActAskEvidence  Act = "ask_evidence"
	ActEvidence     Act = "evidence" // what the query after a refusal found
	ActChecked      Act = "checked"  // what the query that a person asked for found
	ActNotified     Act = "notified" // Alipay told so by itself
	ActRemark       Act = "remark"
	ActSlow         Act = "slow"      // the account: one call in a while
	ActFullPace     Act = "full_pace" // the account: as usual again
)

// What people do.
const (
	ActSendAgain   Act = "send_again"
	ActClose       Act = "close"
	ActMarkShipped Act = "mark_shipped"
	ActAssign      Act = "assign"
	ActNote        Act = "note"
	ActAsk         Act = "ask" // have Alipay queried
	ActCancel      Act = "cancel"
	ActUndoClose   Act = "undo_close"
	ActHold        Act = "hold" // Alipay's refusals hold an account, too
	ActRelease     Act = "release"
	ActPrune       Act = "prune" // old calls forgotten
	ActLogin       Act = "login"
	ActLogout      Act = "logout"
	ActReplay      Act = "replay" // have events sent again
	ActImport      Act = "import" // hand a file over
)

// act is what a line about a move is called.
func (m Move) act() Act {
	switch {
	case m.To == shipment.Shipped:
		return ActShipped
	case m.To == shipment.Dead:
		return ActDied
	case m.To == shipment.Calling:
		return ActUnanswered
	case m.HoldAccount:
		return ActHeldBack
	}
	return ActRetry
}

// entry is a line of history that is to be written.
type entry struct {
	key           shipment.Key // without a trade number: about the account, or about many shipments
	actor         string
	act           Act
	from, to      shipment.State
	version       int64
	detail        string
	audit         bool  // an act of a person
	bulk          int64 // the act over many shipments that it belongs to
	before, after string
}

func (t *tx) enter(e entry) error {
	t.becomes(e.key, e.from, e.to)
	line := []any{
		t.now, e.key.Partner, e.key.TradeNo, e.actor, string(e.act), string(e.from),
		string(e.to), e.version, printable(e.detail), bit(e.audit), e.bulk, e.before, e.after,
	}
	if t.gathers != nil {
		t.gathers.lines = append(t.gathers.lines, line)
		return nil
	}
	return t.insert(insertHistory, [][]any{line}, "")
}

const insertHistory = `INSERT INTO history (at, partner, trade_no, actor, act, from_state, to_state, version, detail, audit, bulk, old_values, new_values)`

// record writes a line of history about what a program did.
func (t *tx) record(k shipment.Key, actor string, act Act, from, to shipment.State, version int64, detail string) error {
	return t.enter(entry{key: k, actor: actor, act: act, from: from, to: to, version: version, detail: detail})
}

// Remark adds a line to a shipment's history without changing the shipment.
func (l *Ledger) Remark(ctx context.Context, k shipment.Key, actor, detail string) error {
	return l.tx(ctx, "remark", func(t *tx) error { return t.record(k, actor, ActRemark, "", "", 0, detail) })
}

// Line is one line of history.
type Line struct {
	ID       int64
	At       time.Time
	Partner  string
	TradeNo  string // empty: about the account, or about many shipments
	Actor    string
	Act      Act
	From, To shipment.State // empty where no state changed
	Version  int64
	Detail   string
	Audit    bool              // an act of a person
	Bulk     int64             // the act over many shipments that it belongs to; 0: none
	Before   map[string]string // what an act of a person changed, by field
	After    map[string]string
}

const lineColumns = `id, at, partner, trade_no, actor, act, from_state, to_state, version, detail, audit, bulk, old_values, new_values`

func scanLine(s scanner) (Line, error) {
	var v Line
	var us int64
	var before, after string
	err := s.Scan(&v.ID, &us, &v.Partner, &v.TradeNo, &v.Actor, &v.Act, &v.From, &v.To, &v.Version, &v.Detail, &v.Audit, &v.Bulk, &before, &after)
	if err != nil {
		return v, err
	}
	v.At = at(us)
	v.Before, err = parseValues(before)
	if err == nil {
		v.After, err = parseValues(after)
	}
	return v, err
}

// values writes the fields that an act changed.
func values(fields map[string]string) string {
	text, err := json.Marshal(fields)
	if err != nil {
		return "" // cannot be: strings
	}
	return string(text)
}

func parseValues(text string) (fields map[string]string, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("values of a line of history: %w", err)
	}
	return fields, nil
}

// History reads a shipment's history, oldest first.
func (l *Ledger) History(ctx context.Context, k shipment.Key) ([]Line, error) {
	return list(ctx, l, scanLine, `SELECT `+lineColumns+` FROM history WHERE partner = ? AND trade_no = ? ORDER BY id`, k.Partner, k.TradeNo)
}

// AuditFilter narrows the audit trail; empty fields do not narrow.
type AuditFilter struct {
	Actor    string
	Act      Act
	TradeNo  string
	From, To time.Time
	Before   int64 // only lines older than this one; 0: from the newest
	Bulk     int64 // the lines of one act over many shipments, instead of one line for it
}

// Audit lists acts of people, the newest first.
func (l *Ledger) Audit(ctx context.Context, f AuditFilter, most int) ([]Line, error) {
	c := conditions{}
	if f.Bulk != 0 {
		c.add("bulk > 0") // so that the index is taken
		c.add("bulk = ?", f.Bulk)
	} else {
		c.add("audit = 1")
	}
	c.text("actor", f.Actor)
	c.text("act", string(f.Act))
	c.text("trade_no", f.TradeNo)
	c.since("at", f.From, f.To)
	if f.Before != 0 {
		c.add("id < ?", f.Before)
	}
	where, args := c.where()
	return list(ctx, l, scanLine, `SELECT `+lineColumns+` FROM history WHERE `+where+` ORDER BY id DESC LIMIT ?`, append(args, most)...)
}

// Enter writes an act of a person that changes nothing here: logging in and out.
func (l *Ledger) Enter(ctx context.Context, actor string, act Act, detail string) error {
	return l.tx(ctx, "audit", func(t *tx) error { return t.enter(entry{actor: actor, act: act, detail: detail, audit: true}) })
}

// EnterImport writes that a person hands a file over, before its rows are taken: under which batch, and what was found
// in it.
func (l *Ledger) EnterImport(ctx context.Context, actor, batch string, found map[string]string) error {
	return l.tx(ctx, "audit", func(t *tx) error {
		return t.enter(entry{actor: actor, act: ActImport, detail: batch, audit: true, after: values(found)})
	})
}
