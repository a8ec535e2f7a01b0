package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"fahuo/internal/shipment"
)

// Row is a shipment as the ledger holds it. It is a copy: acting on it names the version it was
// read at.
type Row struct {
	ID     int64
	ReadAt time.Time // the ledger's time then
	shipment.Shipment
	AcceptedAt time.Time
	ChangedAt  time.Time

	State   shipment.State
	Version int64

	Attempt      int64 // calls begun
	SentAttempts int64 // those of them that may have been sent
	Failures     int64 // since acceptance or sending again
	Holds        int64 // account holds that it caused
	Token        int64
	FenceAt      time.Time // zero: none
	Doubt        bool      // a call of ours may have shipped it and nobody has said
	Barred       bool
	Begun        bool      // has been begun before: comes back through the retry queue
	NotBefore    time.Time // zero: at once
	UnlistedCode string

	Reason       shipment.Reason
	ErrorCode    string
	TradeStatus  string
	RefundStatus string

	Feed     bool
	DeadTask bool

	SettledAt time.Time // when it became shipped, dead or closed; zero: it is open
	Found     Finding   // what the last query about a settled one found, or Alipay has notified of it since
	FoundAt   time.Time
	Assignee  string
	Resent    int64  // how often a person has sent it again
	Source    string // the API token that handed it over; empty: none did

	budgetAt   int64
	budgetHeld int64
}

const rowColumns = `id, partner, trade_no, logistics_name, invoice_no, transport_type, create_transport_type,
	seller_ip, order_ref, batch, urgent, accepted_at, changed_at, state, version, attempt, sent_attempts, failures,
	holds, token, fence_at, doubt, barred, begun, not_before, budget_at, budget_held, unlisted_code, reason,
	error_code, trade_status, refund_status, feed, dead_task, settled_at, found, found_at, assignee, resent, source`

// selectRow reads shipments, and the ledger's time with them.
func (d dialect) selectRow() string {
	return `SELECT ` + rowColumns + `, ` + d.nowColumn + ` FROM shipments `
}

// orHost is the host's clock where a dialect has no other.
func orHost(us int64) int64 {
	if us == 0 {
		return time.Now().UnixMicro()
	}
	return us
}

func scanRow(s scanner) (Row, error) {
	var r Row
	var accepted, changed, fence, notBefore, settled, foundAt, now int64
	err := s.Scan(&r.ID, &r.Partner, &r.TradeNo, &r.LogisticsName, &r.InvoiceNo, &r.TransportType, &r.CreateTransportType,
		&r.SellerIP, &r.OrderRef, &r.Batch, &r.Urgent, &accepted, &changed, &r.State, &r.Version, &r.Attempt, &r.SentAttempts,
		&r.Failures, &r.Holds, &r.Token, &fence, &r.Doubt, &r.Barred, &r.Begun, &notBefore, &r.budgetAt, &r.budgetHeld,
		&r.UnlistedCode, &r.Reason, &r.ErrorCode, &r.TradeStatus, &r.RefundStatus, &r.Feed, &r.DeadTask, &settled, &r.Found, &foundAt, &r.Assignee, &r.Resent,
		&r.Source, &now)
	r.ReadAt = at(orHost(now))
	r.AcceptedAt, r.ChangedAt, r.FenceAt, r.NotBefore = at(accepted), at(changed), at(fence), at(notBefore)
	r.SettledAt, r.FoundAt = at(settled), at(foundAt)
	return r, err
}

// at turns the ledger's microseconds into a time; 0 is the zero time.
func at(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us)
}

// micros is the reverse of at.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Get reads one shipment. ErrNotFound when the ledger has none of that key.
func (l *Ledger) Get(ctx context.Context, k shipment.Key) (Row, error) {
	r, err := first(ctx, l, scanRow, l.dialect.selectRow()+byKey, k.Partner, k.TradeNo)
	return found(k, r, err)
}

const byKey = `WHERE partner = ? AND trade_no = ?`

func (t *tx) get(k shipment.Key) (Row, error) {
	r, err := scanRow(t.row(t.dialect.selectRow()+byKey, k.Partner, k.TradeNo))
	return found(k, r, err)
}

func found(k shipment.Key, r Row, err error) (Row, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return Row{}, absent("shipment " + k.String())
	}
	if err != nil {
		return Row{}, fmt.Errorf("ledger: %w", err)
	}
	return r, nil
}

// printable makes a text that any database keeps: valid UTF-8 without NUL.
func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
}

// absent is ErrNotFound about what is not there.
func absent(what string) error { return fmt.Errorf("%s is %w", what, ErrNotFound) }

// orNotFound names the absence of a row.
func orNotFound(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return absent(what)
	}
	return err
}
