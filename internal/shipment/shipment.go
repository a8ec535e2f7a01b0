// Package shipment is the noun of this program: what an order system hands over when a parcel has
// left, the states it goes through, and why it may die.
//
// A Shipment is the same value everywhere: a row of a file becomes one, the ledger keeps it, the
// belt carries it, the worker turns it into a call. Its key is (Partner, TradeNo); what Alipay is
// told is its Details. Everything else (OrderRef, Batch, Urgent) is the merchant's own business and
// never reaches Alipay.
//
//	            ┌─────────── retried, not sent, in doubt ──────────┐
//	            ▼                                                  │
//	accepted ► queued ── begin ──► calling ── finish ──► shipped   │
//	            │  │                  │ └──────────────────────────┘
//	            │  │                  └──────────────────► dead
//	            │  ├── query or notification ──► shipped, dead
//	            │  └── a person cancels ───────► closed
//	            │
//	            └◄─ a person sends again (dead) or reopens (closed)
//
//	dead   ── a person ──► queued, closed, shipped      only shipped is final
//	closed ── a person ──► queued, dead (a closing of many is undone)
//
// The package imports nothing but the standard library and does no I/O.
package shipment

import (
	"fmt"
	"strings"
)

// Shipment is one parcel's message to Alipay, and the merchant's own notes beside it.
type Shipment struct {
	Partner             string `json:"partner"`               // 16 digits beginning with 2088
	TradeNo             string `json:"trade_no"`              // Alipay's trade number, 16 to 64 digits
	LogisticsName       string `json:"logistics_name"`        // the courier's name; may be empty for DIRECT only
	InvoiceNo           string `json:"invoice_no"`            // waybill number, optional
	TransportType       string `json:"transport_type"`        // POST, EXPRESS, EMS or DIRECT
	CreateTransportType string `json:"create_transport_type"` // the same set; one of the two is needed
	SellerIP            string `json:"seller_ip"`             // optional
	OrderRef            string `json:"order_ref"`             // the merchant's order number; stays here
	Batch               string `json:"batch"`                 // the name to follow it by; stays here
	Urgent              bool   `json:"-"`                     // ahead of everything not urgent of the account
}

// Key names a shipment: one trade of one account.
type Key struct {
	Partner string
	TradeNo string
}

// String is "<partner>:<trade_no>", the form used for task ids.
func (k Key) String() string { return k.Partner + ":" + k.TradeNo }

// MaxKeyPart is how many characters either part of a key has at most.
const MaxKeyPart = 64

// ParseKey reads what Key.String wrote. What no ledger can keep under its name is no key: broken or invisible
// characters, or too many.
func ParseKey(s string) (Key, error) {
	partner, tradeNo, ok := strings.Cut(s, ":")
	if !ok || !nameable(partner) || !nameable(tradeNo) {
		return Key{}, fmt.Errorf("shipment key %s is not <partner>:<trade_no>", quote(s))
	}
	return Key{Partner: partner, TradeNo: tradeNo}, nil
}

// nameable tells whether a text can be part of a key.
func nameable(part string) bool { return part != "" && checkNote("", part, MaxKeyPart) == nil }

// Key returns the shipment's key.
func (s Shipment) Key() Key { return Key{s.Partner, s.TradeNo} }

// Difference is a detail in which two shipments of one key disagree.
type Difference struct {
	Field    string // the column's name
	Old, New string
}

// Differs compares what Alipay would be told (not OrderRef, Batch or Urgent) and returns the first
// difference. Two shipments of one key without a difference are the same shipment handed over twice.
func (s Shipment) Differs(other Shipment) (Difference, bool) {
	if all := s.Differences(other); len(all) > 0 {
		return all[0], true
	}
	return Difference{}, false
}

// Differences are all that Differs would find.
func (s Shipment) Differences(other Shipment) (all []Difference) {
	a, b := s.details(), other.details()
	for i := range a {
		if x, y := strings.TrimSpace(a[i].value), strings.TrimSpace(b[i].value); x != y {
			all = append(all, Difference{Field: a[i].name, Old: x, New: y})
		}
	}
	return all
}

type detail struct{ name, value string }

func (s Shipment) details() [5]detail {
	return [5]detail{
		{FieldLogisticsName, s.LogisticsName},
		{FieldInvoiceNo, s.InvoiceNo},
		{FieldTransportType, s.TransportType},
		{FieldCreateTransportType, s.CreateTransportType},
		{FieldSellerIP, s.SellerIP},
	}
}
