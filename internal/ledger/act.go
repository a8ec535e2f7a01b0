package ledger

import (
	"context"
	"fmt"

	"fahuo/internal/shipment"
)

// Correction is what a person changes when sending again; nil fields stay.
type Correction struct {
	LogisticsName *string
	InvoiceNo     *string
	TransportType *string
}

func (c Correction) apply(s shipment.Shipment) shipment.Shipment {
	for _, f := range []struct{ to, from *string }{
		{&s.LogisticsName, c.LogisticsName}, {&s.InvoiceNo, c.InvoiceNo}, {&s.TransportType, c.TransportType},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	return s.Normalize()
}

// SendAgain is what a person decides besides sending a shipment again.
type SendAgain struct {
	Correction

	// Looked says that the person has looked at Alipay and the trade waits to be shipped: for accounts that
	// may not query, where nobody else can tell. Where a query can tell, it is asked all the same (U7).
	Looked bool
}

// SendAgain puts a dead or closed shipment in line again, as a new attempt with a retry budget of its own; what
// was corrected stays on record. A call that may have shipped it earlier keeps it in doubt, so it is queried
// before it is called (U7).
//
// ErrStale when it has changed since it was read; an *ObstacleError when it may not be sent again as it is; a
// *shipment.FieldError for a correction that Alipay would refuse.
func (l *Ledger) SendAgain(ctx context.Context, r Row, s SendAgain, actor string) (Row, error) {
	return l.act(ctx, "send_again", r, func(t *tx, row Row) error {
		account, err := t.account(row.Partner)
		if err != nil {
			return err
		}
		return t.sendAgain(row, account.NoQueryAt.IsZero(), s, entry{actor: actor, audit: true})
	})
}

func (t *tx) sendAgain(row Row, mayQuery bool, s SendAgain, e entry) error {
	obstacle := row.CanSendAgain(mayQuery)
	if obstacle == ObstacleLookFirst && s.Looked {
		obstacle = ""
	}
	if obstacle != "" {
		return &ObstacleError{row.Key(), obstacle}
	}
	next := s.apply(row.Shipment)
	if err := next.Validate(); err != nil {
		return err
	}
	old, corrected := changes(row.Shipment, next)
	old["state"], corrected["state"] = string(row.State), string(shipment.Queued)
	if row.Reason != "" {
		old["reason"] = string(row.Reason)
	}
	if s.Looked {
		corrected["looked"] = "yes"
	}
	doubt := row.SentAttempts > 0 && (mayQuery || !s.Looked)
	if err := t.enterAct(row, e, ActSendAgain, shipment.Queued, old, corrected); err != nil {
		return err
	}
	if next != row.Shipment {
		err := t.exec(`UPDATE shipments SET logistics_name = ?, invoice_no = ?, transport_type = ? WHERE id = ? AND version = ?`,
			next.LogisticsName, next.InvoiceNo, next.TransportType, row.ID, row.Version)
		if err != nil {
			return err
		}
	}
	return t.change(row, `state = 'queued', failures = 0, holds = 0, doubt = ?, barred = 0, begun = 1, not_before = 0, budget_at = 0,
		budget_held = 0, unlisted_code = '', reason = '', error_code = '', trade_status = '', refund_status = '', feed = 1, settled_at = 0,
		found = '', found_at = 0, resent = resent + 1`, bit(doubt))
}

// changes are the details in which two shipments differ.
func changes(before, after shipment.Shipment) (old, corrected map[string]string) {
	old, corrected = make(map[string]string), make(map[string]string)
	for _, f := range []struct{ name, before, after string }{
		{shipment.FieldLogisticsName, before.LogisticsName, after.LogisticsName},
		{shipment.FieldInvoiceNo, before.InvoiceNo, after.InvoiceNo},
		{shipment.FieldTransportType, before.TransportType, after.TransportType},
	} {
		if f.before != f.after {
			old[f.name], corrected[f.name] = f.before, f.after
		}
	}
	return old, corrected
}

// CloseCase settles a dead letter without a call. Its reason and evidence stay, for whoever reopens it. ErrStale and
// *ObstacleError as for SendAgain.
func (l *Ledger) CloseCase(ctx context.Context, r Row, why, actor string) (Row, error) {
	return l.act(ctx, "close", r, func(t *tx, row Row) error {
		return t.close(row, entry{actor: actor, detail: why, audit: true})
	})
}

func (t *tx) close(row Row, e entry) error {
	if obstacle := row.CanClose(); obstacle != "" {
		return &ObstacleError{row.Key(), obstacle}
	}
	return t.settle(row, shipment.Closed, ActClose, e)
}

// undoClose makes a dead letter of a shipment again that an act over many has closed: as if nothing had been done,
// so it has the time of its death again.
func (t *tx) undoClose(row Row, e entry) error {
	if row.State != shipment.Closed || row.Reason == "" {
		return &ObstacleError{row.Key(), ObstacleState}
	}
	const died = `(SELECT died_at FROM bulk_items WHERE bulk = ? AND shipment = shipments.id)`
	return t.settleAt(row, shipment.Dead, died, e.bulk, ActUndoClose, e)
}

// MarkShipped settles a dead letter of which a query said that it is shipped. ErrStale and *ObstacleError as for
// SendAgain.
func (l *Ledger) MarkShipped(ctx context.Context, r Row, actor string) (Row, error) {
	return l.act(ctx, "mark_shipped", r, func(t *tx, row Row) error {
		if obstacle := row.CanMarkShipped(); obstacle != "" {
			return &ObstacleError{row.Key(), obstacle}
		}
		return t.settle(row, shipment.Shipped, ActMarkShipped, entry{actor: actor, audit: true})
	})
}

// settle moves a settled shipment to another settled state.
func (t *tx) settle(row Row, to shipment.State, act Act, e entry) error {
	return t.settleAt(row, to, "?", t.now, act, e)
}

// settleAt is settle with the time at which it was settled, an expression of one value.
func (t *tx) settleAt(row Row, to shipment.State, settled string, value int64, act Act, e entry) error {
	if !row.State.CanBecome(to) {
		return fmt.Errorf("ledger: %s cannot go from %s to %s", row.Key(), row.State, to)
	}
	err := t.enterAct(row, e, act, to, map[string]string{"state": string(row.State)}, map[string]string{"state": string(to)})
	if err != nil {
		return err
	}
	return t.change(row, `state = ?, feed = ?, settled_at = `+settled, string(to), bit(row.DeadTask || to == shipment.Dead), value)
}

// Assign gives a dead letter to somebody, or (empty) to nobody. ErrStale and *ObstacleError as for SendAgain.
func (l *Ledger) Assign(ctx context.Context, r Row, assignee, actor string) (Row, error) {
	return l.act(ctx, "assign", r, func(t *tx, row Row) error {
		return t.assign(row, assignee, entry{actor: actor, audit: true})
	})
}

func (t *tx) assign(row Row, assignee string, e entry) error {
	if row.State != shipment.Dead {
		return &ObstacleError{row.Key(), ObstacleState}
	}
	err := t.enterAct(row, e, ActAssign, "", map[string]string{"assignee": row.Assignee}, map[string]string{"assignee": assignee})
	if err != nil {
		return err
	}
	return t.change(row, `assignee = ?`, assignee)
}

// Note adds a person's note to a shipment's history. The shipment stays as it is, so nobody who works on it is
// disturbed. The same note by the same person right after itself is a double click, and is written once.
func (l *Ledger) Note(ctx context.Context, k shipment.Key, note, actor string) error {
	return l.tx(ctx, "note", func(t *tx) error {
		// Nothing is changed, but of two at the very same moment the second one waits, and finds the first one's note.
		if err := t.one(ErrNotFound, `UPDATE shipments SET version = version WHERE partner = ? AND trade_no = ?`, k.Partner, k.TradeNo); err != nil {
			return err
		}
		last, err := listIn(t.ctx, t.Tx, t.dialect, scanLine, `SELECT `+lineColumns+` FROM history
			WHERE partner = ? AND trade_no = ? ORDER BY id DESC LIMIT 1`, k.Partner, k.TradeNo)
		if err != nil {
			return err
		}
		if len(last) == 1 && last[0].Act == ActNote && last[0].Actor == actor && last[0].Detail == printable(note) {
			return nil
		}
		return t.enter(entry{key: k, actor: actor, act: ActNote, detail: note, audit: true})
	})
}

// act does what a person wants with a shipment as it was read: in one transaction, which is done when it says
// done.
func (l *Ledger) act(ctx context.Context, op string, r Row, f func(*tx, Row) error) (Row, error) {
	var row Row
	err := l.tx(ctx, op, func(t *tx) error {
		now, err := t.get(r.Key())
		if err != nil {
			return err
		}
		if now.ID != r.ID || now.Version != r.Version {
			return ErrStale
		}
		if err := f(t, now); err != nil {
			return err
		}
		row, err = t.get(r.Key())
		return err
	})
	return row, err
}

// enterAct writes an act of a person before it takes effect. to is the new state; empty: it stays.
func (t *tx) enterAct(row Row, e entry, act Act, to shipment.State, before, after map[string]string) error {
	e.key, e.act, e.version = row.Key(), act, row.Version+1
	if to != "" {
		e.from, e.to = row.State, to
	}
	e.before, e.after = values(before), values(after)
	return t.enter(e)
}
