package check

import "fahuo/internal/alipay"

// trade tells kind and status of the trade that was asked about (U3, U5, U6).
func (v *visit) trade() {
	a := v.asked
	switch {
	case v.o.TradeNo == "":
		v.skip(Trade, v.partner, "no trade was named (--trade-no)")
	case a.Outcome == alipay.ShipmentFault && a.Code == alipay.CodeTradeNotExist:
		v.fail(Trade, v.partner, "Alipay has no trade "+v.o.TradeNo+" of this partner", "is it Alipay's trade number (支付宝交易号), not the order's, and a trade of this partner (U3, U4)?")
		v.block("the trade does not exist")
	case a.Outcome == alipay.ShipmentFault:
		v.fail(Trade, v.partner, "Alipay answers "+a.Code, "is it Alipay's trade number (支付宝交易号)?")
		v.block("Alipay refuses the trade's number")
	case a.Outcome != alipay.Succeeded:
		v.skip(Trade, v.partner, "no query told of it")
	default:
		v.standing(a)
	}
}

// standing tells of a trade that Alipay has told of.
func (v *visit) standing(a alipay.Answer) {
	text := inWords(a.TradeStatus)
	var notes []string
	if a.RefundStatus != "" {
		notes = append(notes, "the buyer has asked for the money back ("+a.RefundStatus+"); it is shipped all the same, since the parcel has left")
	}
	switch alipay.StateOf(a.TradeStatus) {
	case alipay.Shippable:
		v.pass(Trade, v.partner, text+". It could be shipped", notes...)
	case alipay.AlreadyShipped:
		v.pass(Trade, v.partner, text+". It is not to be shipped again (U7)", notes...)
	case alipay.NotShippable, alipay.StateUnknown:
		v.fail(Trade, v.partner, text+". It cannot be shipped", cannotShip(a.TradeStatus))
		v.block("the trade cannot be shipped")
	}
}
