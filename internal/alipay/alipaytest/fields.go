package alipaytest

import (
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/beijing"
)

func beijingTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing.Zone).Format(time.DateTime)
}

// filled is fields without those that are empty: the real answers leave them out.
func filled(fields alipay.Params) alipay.Params {
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return fields
}

// tradeBaseFields are what the answer to a ship call says of the trade, in the layout as captured.
func tradeBaseFields(t Trade) alipay.Params {
	return filled(alipay.Params{
		"buyer_account": "20880000000000010156", "buyer_actions": "[REFUND, CONFIRM_GOODS]",
		"buyer_login_email": "buyer@example.com", "buyer_type": "PRIVATE_ACCOUNT", "buyer_user_id": "2088000000000001",
		"channel": "interface/escrow", "create_time": beijingTime(t.CreatedAt), "currency": "156", "gathering_type": "1",
		"last_modified_time": beijingTime(t.ShippedAt), "operator_role": "B", "out_trade_no": t.OutTradeNo,
		"partner_id": t.Partner, "seller_account": t.Partner + "0156", "seller_actions": "[EXTEND_TIMEOUT]",
		"seller_login_email": "seller@example.com", "seller_type": "CORPORATE_ACCOUNT", "seller_user_id": t.Partner,
		"service_fee": "0.00", "service_fee_ratio": "0.0", "stop_timeout": "F", "total_fee": t.TotalFee,
		"trade_from": "INST_PARTNER", "trade_no": t.No, "trade_status": t.Status, "trade_type": "S",
	})
}

// tradeFields are what the answer to a query says of the trade.
func tradeFields(t Trade) alipay.Params {
	fields := alipay.Params{
		"buyer_email": "buyer@example.com", "buyer_id": "2088000000000001", "discount": "0.00", "flag_trade_locked": "0",
		"gmt_create": beijingTime(t.CreatedAt), "gmt_last_modified_time": beijingTime(t.CreatedAt),
		"gmt_payment": beijingTime(t.CreatedAt), "gmt_send_goods": beijingTime(t.ShippedAt),
		"is_total_fee_adjust": "F", "logistics_fee": "0.00", "operator_role": "B", "out_trade_no": t.OutTradeNo,
		"payment_type": "1", "price": t.TotalFee, "quantity": "1", "refund_status": t.RefundStatus,
		"seller_email": "seller@example.com", "seller_id": t.Partner, "subject": t.Subject, "to_buyer_fee": "0.00",
		"to_seller_fee": "0.00", "total_fee": t.TotalFee, "trade_no": t.No, "trade_status": t.Status, "use_coupon": "F",
	}
	switch t.Status {
	case statusWaits:
		fields["logistics_status"] = "INITIAL_STATUS"
		fields["gmt_logistics_modify"] = beijingTime(t.CreatedAt)
		fields["time_out"] = beijingTime(t.CreatedAt.AddDate(0, 0, 7))
		fields["time_out_type"] = "sendGoodsTimeOutAction"
	case statusCODWaits:
		// Paid on delivery, so there has been no payment. No capture of such a trade is known: a guess.
		fields["gmt_payment"] = ""
	case "WAIT_BUYER_PAY":
		fields["gmt_payment"] = ""
	}
	if !t.ShippedAt.IsZero() {
		fields["gmt_last_modified_time"] = beijingTime(t.ShippedAt)
	}
	return filled(fields)
}
