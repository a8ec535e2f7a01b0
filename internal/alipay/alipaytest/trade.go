package alipaytest

import "time"

// Statuses of escrow and cash-on-delivery trades around the shipment (protocol, section 4).
const (
	statusWaits      = "WAIT_SELLER_SEND_GOODS"
	statusShipped    = "WAIT_BUYER_CONFIRM_GOODS"
	statusCODWaits   = "COD_WAIT_SELLER_SEND_GOODS"
	statusCODShipped = "COD_WAIT_BUYER_PAY"
)

// Trade is one trade. Partner and No are required; the rest has defaults.
type Trade struct {
	Partner       string    `json:"partner" yaml:"partner"`
	No            string    `json:"trade_no" yaml:"trade_no"`
	OutTradeNo    string    `json:"out_trade_no,omitempty" yaml:"out_trade_no"`
	Status        string    `json:"status" yaml:"status"` // default WAIT_SELLER_SEND_GOODS
	RefundStatus  string    `json:"refund_status,omitempty" yaml:"refund_status"`
	Subject       string    `json:"subject,omitempty" yaml:"subject"`
	TotalFee      string    `json:"total_fee,omitempty" yaml:"total_fee"` // yuan
	CreatedAt     time.Time `json:"created_at,omitzero" yaml:"created_at"`
	ShippedAt     time.Time `json:"shipped_at,omitzero" yaml:"shipped_at"`
	LogisticsName string    `json:"logistics_name,omitempty" yaml:"logistics_name"` // as shipped, as the next two
	InvoiceNo     string    `json:"invoice_no,omitempty" yaml:"invoice_no"`
	TransportType string    `json:"transport_type,omitempty" yaml:"transport_type"`
}

// withDefaults fills in what a paid escrow trade would have. The subject has what XML must escape.
func (t Trade) withDefaults(now time.Time) Trade {
	if t.Status == "" {
		t.Status = statusWaits
	}
	if t.OutTradeNo == "" {
		t.OutTradeNo = "ORDER-" + t.No[max(0, len(t.No)-8):]
	}
	if t.Subject == "" {
		t.Subject = `测试商品 <A&B>`
	}
	if t.TotalFee == "" {
		t.TotalFee = "313.00"
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = now.Add(-time.Hour)
	}
	return t
}

// shipped says whether the goods have been sent, so that another call is one too many (U7).
func (t Trade) shipped() bool {
	switch t.Status {
	case statusShipped, statusCODShipped, "WAIT_SYS_PAY_SELLER", "COD_WAIT_SYS_PAY_SELLER":
		return true
	}
	return false
}

// waits says whether the goods can be sent.
func (t Trade) waits() bool { return t.Status == statusWaits || t.Status == statusCODWaits }

// ship is the trade after a ship call, or the code of the refusal. A trade that waits for the buyer's
// confirmation is answered T again, as Alipay's rules say (U7), and keeps its first waybill: a guess.
func (t Trade) ship(req *request, now time.Time) (next Trade, code string) {
	switch {
	case t.shipped():
		return t, ""
	case t.Status == statusWaits:
		t.Status = statusShipped
	case t.Status == statusCODWaits:
		t.Status = statusCODShipped
	default:
		return t, codeOutOfStep
	}
	t.ShippedAt = now
	t.LogisticsName, t.InvoiceNo = req.params["logistics_name"], req.params["invoice_no"]
	t.TransportType = req.transport()
	return t, ""
}

// PutTrade adds a trade or replaces it. What was known of the number is forgotten, a refusal too: after
// it, as after a person has settled the matter with Alipay (C1), the trade may be called again.
func (g *Gateway) PutTrade(t Trade) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trades[t.No] = t.withDefaults(time.Now())
	delete(g.refused, t.No)
	g.changed()
}

// Trade is the trade with this number as it is now.
func (g *Gateway) Trade(no string) (Trade, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, ok := g.trades[no]
	return t, ok
}

// find is the trade that a request names: by trade_no if it is there, which wins (protocol, section 4),
// else by out_trade_no. Another partner's trade does not exist for this one (U4). The caller holds mu.
func (g *Gateway) find(req *request, now time.Time) (Trade, bool) {
	if req.tradeNo == "" {
		for _, t := range g.trades {
			if t.Partner == req.partner && t.OutTradeNo == req.params["out_trade_no"] {
				return t, true
			}
		}
		return Trade{}, false
	}
	t, ok := g.trades[req.tradeNo]
	if !ok && g.options.AutoTrades {
		t = Trade{Partner: req.partner, No: req.tradeNo}.withDefaults(now)
		g.trades[t.No] = t
		return t, true
	}
	return t, ok && t.Partner == req.partner
}
