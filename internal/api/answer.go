package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"fahuo/internal/intake"
	"fahuo/internal/shipment"
)

// ShipmentInput describes what one shipment looks like; bodies are read by parse, which takes them apart itself to say
// for each field what is wrong with it.
type ShipmentInput struct {
	TradeNo             string  `json:"trade_no" minLength:"16" doc:"Alipay's trade number (支付宝交易号), 16 to 64 digits, as a text." example:"2026112300001001000000000001"`
	Partner             *string `json:"partner,omitempty" doc:"The merchant's account id (合作者身份ID), 16 digits beginning with 2088. May be left out by a token that has only one." example:"2088000000000001"`
	LogisticsName       *string `json:"logistics_name,omitempty" doc:"The courier's name, at most 64 characters. Only the transport type DIRECT goes without." example:"顺丰速运"`
	InvoiceNo           *string `json:"invoice_no,omitempty" doc:"The waybill number, at most 32 characters." example:"SF1000000001"`
	TransportType       *string `json:"transport_type,omitempty" doc:"POST (平邮), EXPRESS (快递), EMS or DIRECT (无需物流). EXPRESS if neither this nor create_transport_type is there." example:"EXPRESS"`
	CreateTransportType *string `json:"create_transport_type,omitempty" doc:"The transport type that the trade was created with; the same values."`
	SellerIP            *string `json:"seller_ip,omitempty" doc:"The seller's IP address."`
	OrderRef            *string `json:"order_ref,omitempty" doc:"Your own order number, at most 128 characters; Alipay is not told." example:"A-1001"`
	Batch               *string `json:"batch,omitempty" doc:"A name to follow it by, at most 128 characters; Alipay is not told." example:"2026-11-23"`
	Urgent              *bool   `json:"urgent,omitempty" doc:"Ahead of everything of the account that is not urgent."`
}

// Status is what became of a shipment that was handed over.
type Status string

// What can become of one.
const (
	StatusAccepted Status = "accepted"
	StatusAlready  Status = "already"
	StatusConflict Status = "conflict"
	StatusRejected Status = "rejected"
)

// Accepted answers for one shipment that is in the ledger, now or already.
type Accepted struct {
	Partner  string `json:"partner" doc:"The account."`
	TradeNo  string `json:"trade_no" doc:"The trade number."`
	OrderRef string `json:"order_ref" doc:"Your order number, as handed over."`
	Status   Status `json:"status" enum:"accepted,already" doc:"accepted: new, and durable. already: the same shipment is here, whatever has become of it; nothing changes."`
	Batch    string `json:"batch" doc:"The batch that it is in; empty: in none."`
	ETA      *Time  `json:"eta" doc:"When it will have been called if nothing fails; null if nobody can say, or it has been."`
}

// Item answers for one shipment of an array, in the array's order.
type Item struct {
	Partner  string `json:"partner" doc:"The account, as far as it is known."`
	TradeNo  string `json:"trade_no" doc:"The trade number, as far as there is one."`
	OrderRef string `json:"order_ref" doc:"Your order number, as handed over."`
	Status   Status `json:"status" enum:"accepted,already,conflict,rejected" doc:"accepted: new, and durable. already: here before, with the same details. conflict: here before, with other details, which stay. rejected: wrong in itself."`
	Batch    string `json:"batch" doc:"The batch that it is in; empty for what was not taken."`
	Field    string `json:"field" doc:"For conflict and rejected: the field that is to blame; empty: the item as a whole."`
	Location string `json:"location" doc:"The same as a path into the body, such as body[3].trade_no."`
	Reason   string `json:"reason" doc:"For conflict and rejected: what is wrong, and what to do."`
}

// BatchAccepted answers for an array.
type BatchAccepted struct {
	Batch     string `json:"batch" doc:"The batch of what does not name its own: to follow it by."`
	Accepted  int    `json:"accepted" doc:"How many are new, and durable."`
	Already   int    `json:"already" doc:"How many are here already."`
	Conflicts int    `json:"conflicts" doc:"How many are here with other details, and were refused."`
	Rejected  int    `json:"rejected" doc:"How many are wrong in themselves, and were refused."`
	ETA       *Time  `json:"eta" doc:"When the last of them will have been called if nothing fails; null if nobody can say."`
	Items     []Item `json:"items" nullable:"false" doc:"One for each that was handed over, in the same order."`
}

// Time is a time for people and programs: RFC 3339, whole seconds, +08:00.
type Time struct{ intake.Time }

// Schema describes it.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true, Examples: []any{"2026-11-23T15:04:05+08:00"}}
}

func timeOf(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return &Time{intake.Time{Time: t}}
}

// Counts is how many shipments are in which state.
type Counts struct {
	Queued  int64 `json:"queued" doc:"In line, or to be called again."`
	Calling int64 `json:"calling" doc:"Being called now."`
	Shipped int64 `json:"shipped" doc:"Alipay knows that the goods are sent."`
	Dead    int64 `json:"dead" doc:"A person of the merchant's has to look."`
	Closed  int64 `json:"closed" doc:"Cancelled, or settled by a person."`
}

func (c *Counts) add(by map[shipment.State]int64) {
	c.Queued += by[shipment.Queued]
	c.Calling += by[shipment.Calling]
	c.Shipped += by[shipment.Shipped]
	c.Dead += by[shipment.Dead]
	c.Closed += by[shipment.Closed]
}

func (c *Counts) total() int64 { return c.Queued + c.Calling + c.Shipped + c.Dead + c.Closed }

// done tells whether nothing is left to do.
func (c *Counts) done() bool { return c.Queued+c.Calling == 0 }
