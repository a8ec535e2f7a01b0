package alipay

// TradeState is what a trade's status means for shipping it. Its zero value is StateUnknown.
type TradeState int

// The states of a trade.
const (
	StateUnknown TradeState = iota
	Shippable
	AlreadyShipped
	NotShippable
)

// StateOf judges by trade_status alone. A status that is not known here cannot be shipped: a person
// looks at it as it came (U5, U6).
func StateOf(tradeStatus string) TradeState {
	switch tradeStatus {
	case "":
		return StateUnknown
	case "WAIT_SELLER_SEND_GOODS", "COD_WAIT_SELLER_SEND_GOODS":
		return Shippable
	case "WAIT_BUYER_CONFIRM_GOODS", "COD_WAIT_BUYER_PAY", "WAIT_SYS_PAY_SELLER", "COD_WAIT_SYS_PAY_SELLER":
		return AlreadyShipped
	}
	return NotShippable
}
