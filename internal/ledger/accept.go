package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"fahuo/internal/shipment"
)

// Verdict says what became of a shipment that was handed over.
type Verdict int

// The verdicts of Accept.
const (
	Undecided Verdict = iota // not looked at: there was an error
	Accepted                 // new, and durable now
	Already                  // the same shipment is here, whatever its state
	Conflict                 // the same key with other details: refused
)

// Acceptance is the answer for one shipment.
type Acceptance struct {
	Verdict     Verdict
	Differences []shipment.Difference // for Conflict: at least one
	Batch       string                // for Already: the one that it is in
}

// AcceptOptions change what Accept does.
type AcceptOptions struct {
	Strict bool   // change nothing if any shipment is in conflict
	Actor  string // who hands over, for the history; default "enqueue"
	Source string // the API token that hands over, whose webhooks are told the outcome; empty: none
}

var errRollBack = errors.New("rolled back as asked")

// Accept takes shipments (valid ones; the order counts) into the ledger in one transaction and
// answers for each. When it returns nil and Strict did not keep it from it, everything
// answered Accepted is durable. Handing over the same again is harmless.
func (l *Ledger) Accept(ctx context.Context, shipments []shipment.Shipment, o AcceptOptions) ([]Acceptance, error) {
	if o.Actor == "" {
		o.Actor = "enqueue"
	}
	answers := make([]Acceptance, len(shipments))
	err := l.tx(ctx, "accept", func(t *tx) error {
		in := inserting{tx: t, source: o.Source}
		defer in.close()
		conflict := false
		var into batchCount
		for from := 0; from < len(shipments); from += groupSize {
			group := shipments[from:min(from+groupSize, len(shipments))]
			allNew, err := in.together(group)
			if err != nil {
				return err
			}
			for i, s := range group {
				answer := &answers[from+i]
				if allNew {
					*answer = Acceptance{Verdict: Accepted}
					into.add(s, 1)
				} else if *answer, err = in.one(s, o, &into); err != nil {
					return err
				}
				conflict = conflict || answer.Verdict == Conflict
			}
		}
		if o.Strict && conflict {
			return errRollBack
		}
		return into.write(t)
	})
	if errors.Is(err, errRollBack) {
		err = nil
	}
	return answers, err
}

// groupSize is how many new shipments one statement takes.
const groupSize = 100

// inserting puts shipments into a transaction with as little parsing of statements as that takes: it is most of the
// work otherwise.
type inserting struct {
	*tx
	source string
	known  map[int]*sql.Stmt // by how many rows a statement takes
}

func (in *inserting) close() {
	for _, statement := range in.known {
		_ = statement.Close() // belongs to the transaction, which ends here
	}
}

// insert inserts those that are new, and tells how many these are.
func (in *inserting) insert(group ...shipment.Shipment) (int64, error) {
	statement, err := in.statement(len(group)) //nolint:sqlclosecheck // close does
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	args := make([]any, 0, len(group)*14)
	for _, s := range group {
		args = append(args, insertArgs(s, in.source, in.now, 1)...)
	}
	result, err := statement.ExecContext(in.ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	return result.RowsAffected()
}

// statement is insertShipment for n rows.
func (in *inserting) statement(n int) (*sql.Stmt, error) {
	if statement := in.known[n]; statement != nil {
		return statement, nil
	}
	from, to := strings.Index(insertShipment, "(?"), strings.Index(insertShipment, " ON CONFLICT")
	row := insertShipment[from:to]
	statement, err := in.PrepareContext(in.ctx, in.dialect.bind(insertShipment[:to]+strings.Repeat(", "+row, n-1)+insertShipment[to:]))
	if err != nil {
		return nil, err
	}
	if in.known == nil {
		in.known = make(map[int]*sql.Stmt)
	}
	in.known[n] = statement
	return statement, nil
}

// together inserts a group of shipments when all of it is new, and nothing of it otherwise.
func (in *inserting) together(group []shipment.Shipment) (allNew bool, err error) {
	if err := in.exec(`SAVEPOINT together`); err != nil {
		return false, err
	}
	n, err := in.insert(group...)
	if err != nil {
		return false, err
	}
	if allNew = n == int64(len(group)); !allNew {
		err = in.exec(`ROLLBACK TO SAVEPOINT together`)
	}
	return allNew, errors.Join(err, in.exec(`RELEASE SAVEPOINT together`))
}

// one takes a shipment that may be here already.
func (in *inserting) one(s shipment.Shipment, o AcceptOptions, into *batchCount) (Acceptance, error) {
	n, err := in.insert(s)
	if err != nil {
		return Acceptance{}, err
	}
	if n == 1 {
		into.add(s, 1)
		return Acceptance{Verdict: Accepted}, nil
	}
	return in.acceptKnown(s, o, into)
}

const insertShipment = `INSERT INTO shipments (partner, trade_no, logistics_name, invoice_no, transport_type,
	create_transport_type, seller_ip, order_ref, batch, urgent, source, accepted_at, changed_at, state, version)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?) ON CONFLICT (partner, trade_no) DO NOTHING`

func insertArgs(s shipment.Shipment, source string, now, version int64) []any {
	return []any{
		s.Partner, s.TradeNo, s.LogisticsName, s.InvoiceNo, s.TransportType,
		s.CreateTransportType, s.SellerIP, s.OrderRef, s.Batch, bit(s.Urgent), source, now, now, version,
	}
}

// acceptKnown answers for a shipment whose key is in the ledger.
func (t *tx) acceptKnown(s shipment.Shipment, o AcceptOptions, into *batchCount) (Acceptance, error) {
	known, err := t.get(s.Key())
	if err != nil {
		return Acceptance{}, err
	}
	answer := known.answer(s)
	switch {
	case answer.Verdict == Accepted:
		into.add(known.Shipment, -1)
		into.add(s, 1)
		err = t.acceptAnew(s, known, o)
	case answer.Verdict == Already && s.Urgent && !known.Urgent && known.State == shipment.Queued:
		err = t.exec(`UPDATE shipments SET urgent = 1, version = version + 1, changed_at = ?, feed = 1
			WHERE id = ? AND version = ?`, t.now, known.ID, known.Version)
		if err == nil {
			err = t.record(s.Key(), o.Actor, ActUrgent, known.State, known.State, known.Version+1, "urgent")
		}
	}
	return answer, err
}

// answer is what is answered to whoever hands over a shipment that is here. Closed without ever having been called, it
// comes anew.
func (r Row) answer(s shipment.Shipment) Acceptance {
	if r.State == shipment.Closed && r.SentAttempts == 0 {
		return Acceptance{Verdict: Accepted}
	}
	if d := r.Differences(s); len(d) > 0 {
		return Acceptance{Verdict: Conflict, Differences: d}
	}
	return Acceptance{Verdict: Already, Batch: r.Batch}
}

// acceptAnew replaces a shipment that was closed without ever having been called. It goes to the
// end of the line; the version goes on, so that nobody who still holds the old one can act on it.
func (t *tx) acceptAnew(s shipment.Shipment, old Row, o AcceptOptions) error {
	if err := t.exec(`DELETE FROM shipments WHERE id = ? AND version = ?`, old.ID, old.Version); err != nil {
		return err
	}
	if err := t.exec(insertShipment, insertArgs(s, o.Source, t.now, old.Version+1)...); err != nil {
		return err
	}
	if old.DeadTask {
		if err := t.exec(`UPDATE shipments SET dead_task = 1 WHERE partner = ? AND trade_no = ?`, s.Partner, s.TradeNo); err != nil {
			return err
		}
	}
	return t.record(s.Key(), o.Actor, ActAcceptedAnew, shipment.Closed, shipment.Queued, old.Version+1, "accepted anew")
}

// AcceptDead takes in what came from the queue and is no shipment, as a dead letter with the raw bytes
// in its history: as they are if they are text, else in base64. A key that is known already only gets the line
// of history.
func (l *Ledger) AcceptDead(ctx context.Context, k shipment.Key, raw []byte, actor string) error {
	text := string(raw)
	if text != printable(text) {
		text = "base64 " + base64.StdEncoding.EncodeToString(raw)
	}
	return l.tx(ctx, "accept", func(t *tx) error {
		n, err := t.changed(`INSERT INTO shipments (partner, trade_no, accepted_at, changed_at, settled_at, state, version, reason)
			VALUES (?, ?, ?, ?, ?, 'dead', 1, ?) ON CONFLICT (partner, trade_no) DO NOTHING`,
			k.Partner, k.TradeNo, t.now, t.now, t.now, string(shipment.ReasonBadPayload))
		if err != nil {
			return err
		}
		to := shipment.Dead
		if n == 0 {
			to = ""
		}
		if err := t.knowAccount(k.Partner); err != nil {
			return err
		}
		return t.record(k, actor, ActNoShipment, "", to, n, "a task that is no shipment: "+text)
	})
}
