package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// Shipment is one shipment and how it stands.
type Shipment struct {
	Partner             string          `json:"partner" doc:"The account."`
	TradeNo             string          `json:"trade_no" doc:"Alipay's trade number."`
	LogisticsName       string          `json:"logistics_name" doc:"The courier's name."`
	InvoiceNo           string          `json:"invoice_no" doc:"The waybill number."`
	TransportType       string          `json:"transport_type" doc:"POST, EXPRESS, EMS, DIRECT or empty."`
	CreateTransportType string          `json:"create_transport_type" doc:"POST, EXPRESS, EMS, DIRECT or empty."`
	SellerIP            string          `json:"seller_ip" doc:"The seller's IP address, or empty."`
	OrderRef            string          `json:"order_ref" doc:"Your order number."`
	Batch               string          `json:"batch" doc:"The batch that it is in; empty: in none."`
	Urgent              bool            `json:"urgent" doc:"Ahead of what is not urgent."`
	State               shipment.State  `json:"state" enum:"queued,calling,shipped,dead,closed" doc:"queued: in line, or to be called again. calling: being called now. shipped: Alipay says so; final. dead: a person of the merchant's has to look. closed: cancelled, or settled by a person."`
	Reason              shipment.Reason `json:"reason" doc:"For dead, and closed after that: why, for example trade_not_exist; empty otherwise."`
	ErrorCode           string          `json:"error_code" doc:"Alipay's code, if it gave one."`
	TradeStatus         string          `json:"trade_status" doc:"The trade's status at Alipay, as far as it has been asked."`
	AcceptedAt          *Time           `json:"accepted_at" doc:"When it was accepted."`
	ChangedAt           *Time           `json:"changed_at" doc:"When it last changed."`
	ETA                 *Time           `json:"eta" doc:"When it will have been called if nothing fails; null if nobody can say, or it has been."`
	History             []Line          `json:"history" nullable:"false" doc:"What has happened to it, oldest first, the newest 20."`
}

// Line is one thing that has happened.
type Line struct {
	At     *Time          `json:"at" doc:"When."`
	Act    ledger.Act     `json:"act" doc:"What, for example begun, retry, shipped, died."`
	From   shipment.State `json:"from" doc:"The state before; empty: it did not change."`
	To     shipment.State `json:"to" doc:"The state after; empty: it did not change."`
	Detail string         `json:"detail" doc:"More about it, for people."`
}

// linesShown is how many lines of history an answer has.
const linesShown = 20

type shipmentInput struct {
	Partner string `path:"partner" pattern:"^2088[0-9]{12}$" doc:"The account."`
	TradeNo string `path:"trade_no" pattern:"^[0-9]{16,64}$" doc:"The trade number."`
}

type shipmentOutput struct{ Body *Shipment }

// find reads a shipment for whoever may see it.
func (a *API) find(ctx context.Context, in *shipmentInput) (ledger.Row, error) {
	if !tokenOf(ctx).May(in.Partner) {
		return ledger.Row{}, problem(http.StatusForbidden, "This token may not see this account.",
			&huma.ErrorDetail{Location: "path.partner", Message: "this token may not ship for " + in.Partner})
	}
	row, err := a.Book.Get(ctx, shipment.Key{Partner: in.Partner, TradeNo: in.TradeNo})
	if errors.Is(err, ledger.ErrNotFound) {
		return row, problem(http.StatusNotFound, "This trade has not been handed over.")
	}
	return row, err
}

// getShipment is GET /v1/shipments/{partner}/{trade_no}.
func (a *API) getShipment(ctx context.Context, in *shipmentInput) (*shipmentOutput, error) {
	row, err := a.find(ctx, in)
	if err != nil {
		return nil, away(ctx, err)
	}
	return a.shown(ctx, row)
}

func (a *API) shown(ctx context.Context, r ledger.Row) (*shipmentOutput, error) {
	lines, err := a.Book.History(ctx, r.Key())
	if err != nil {
		return nil, away(ctx, err)
	}
	s := &Shipment{
		Partner: r.Partner, TradeNo: r.TradeNo, LogisticsName: r.LogisticsName, InvoiceNo: r.InvoiceNo, TransportType: r.TransportType,
		CreateTransportType: r.CreateTransportType, SellerIP: r.SellerIP, OrderRef: r.OrderRef, Batch: r.Batch, Urgent: r.Urgent,
		State: r.State, Reason: r.Reason, ErrorCode: r.ErrorCode, TradeStatus: r.TradeStatus,
		AcceptedAt: timeOf(r.AcceptedAt), ChangedAt: timeOf(r.ChangedAt), History: []Line{},
	}
	for _, l := range lines[max(0, len(lines)-linesShown):] {
		s.History = append(s.History, Line{At: timeOf(l.At), Act: l.Act, From: l.From, To: l.To, Detail: l.Detail})
	}
	if r.State == shipment.Queued || r.State == shipment.Calling {
		if s.ETA, err = a.eta(ctx, []ledger.Scope{{Partner: r.Partner, TradeNo: r.TradeNo}}); err != nil {
			return nil, away(ctx, err)
		}
	}
	return &shipmentOutput{Body: s}, nil
}

// cancelShipment is POST /v1/shipments/{partner}/{trade_no}/cancel.
func (a *API) cancelShipment(ctx context.Context, in *shipmentInput) (*shipmentOutput, error) {
	row, err := a.find(ctx, in)
	if err != nil {
		return nil, away(ctx, err)
	}
	if row.State == shipment.Closed { // by an earlier request whose answer was lost, perhaps
		return a.shown(ctx, row)
	}
	closed, left, err := a.Book.Cancel(ctx, ledger.Scope{Partner: in.Partner, TradeNo: in.TradeNo}, actor(ctx))
	if err != nil {
		return nil, away(ctx, err)
	}
	if closed == 0 && len(left) > 0 {
		return nil, problem(http.StatusConflict, fmt.Sprintf("It cannot be cancelled: %s.", whyLeft(left[0])))
	}
	if row, err = a.find(ctx, in); err != nil {
		return nil, away(ctx, err)
	}
	return a.shown(ctx, row)
}

// whyLeft says why a shipment could not be cancelled.
func whyLeft(row ledger.Row) string {
	switch row.State {
	case shipment.Queued:
		return "a call for it has been sent, so Alipay may have shipped it already"
	case shipment.Calling:
		return "it is being called now"
	case shipment.Shipped:
		return "it is shipped"
	case shipment.Dead:
		return fmt.Sprintf("it is dead (%s), and a person has to settle it", row.Reason)
	case shipment.Closed:
	}
	return "it is " + string(row.State)
}
