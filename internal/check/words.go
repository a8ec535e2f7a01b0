package check

import (
	"fmt"
	"slices"
	"strings"

	"fahuo/internal/alipay"
)

// trade statuses in words: the kind of trade, and how it stands. What is not here is shown as it came.
var statuses = map[string]struct{ kind, stands string }{
	"WAIT_SELLER_SEND_GOODS":     {escrow, "paid, and waits to be shipped"},
	"COD_WAIT_SELLER_SEND_GOODS": {onDelivery, "waits to be shipped"},
	"WAIT_BUYER_CONFIRM_GOODS":   {escrow, "shipped, and waits for the buyer's confirmation"},
	"COD_WAIT_BUYER_PAY":         {onDelivery, "shipped, and waits for the buyer to sign and pay"},
	"WAIT_SYS_PAY_SELLER":        {escrow, "shipped, and the buyer has confirmed"},
	"COD_WAIT_SYS_PAY_SELLER":    {onDelivery, "shipped, and the buyer has signed"},
	"TRADE_FINISHED":             {either, "over"},
	"TRADE_CLOSED":               {either, "closed midway"},
	"WAIT_BUYER_PAY":             {either, "not paid yet"},
	"WAIT_SYS_CONFIRM_PAY":       {either, "a bank's transfer is being confirmed: not to be shipped yet"},
	"TRADE_SUCCESS":              {instant, "paid"},
	"TRADE_PENDING":              {instant, "paid, and cannot be paid out yet"},
	"TRADE_REFUSE":               {instant, "refused"},
	"TRADE_REFUSE_DEALING":       {instant, "being refused"},
	"TRADE_CANCEL":               {instant, "cancelled"},
}

// The kinds of trade.
const (
	escrow     = "an escrow trade (担保交易)"
	onDelivery = "a cash-on-delivery trade (货到付款)"
	instant    = "an instant transfer (即时到账)"
	either     = "an escrow trade or an instant transfer; this status does not tell which"
)

// inWords tells of a trade's status.
func inWords(status string) string {
	s, ok := statuses[status]
	if !ok {
		return status + ": not a status that is known here"
	}
	return fmt.Sprintf("%s: %s; %s", status, s.kind, s.stands)
}

// cannotShip says why a trade of that status cannot be shipped, and what to do.
func cannotShip(status string) (do string) {
	switch {
	case statuses[status].kind == instant:
		return "instant transfers cannot be shipped (U5); name an escrow or cash-on-delivery trade"
	case status == "TRADE_FINISHED", status == "TRADE_CLOSED":
		return "it is over; name a trade that is WAIT_SELLER_SEND_GOODS (U6)"
	}
	return "only a trade that is WAIT_SELLER_SEND_GOODS can be shipped (U6); name one"
}

// against is what the account's codes are about, and what to do. A code of the account that is in none is about the
// partner.
var against = []struct {
	id    ID
	do    string
	codes []string
}{
	{
		Key, "is it the key (安全校验码) of this partner, all of it, and the sign type under which it was contracted? Was it changed at Alipay?",
		[]string{"ILLEGAL_SIGN", "ILLEGAL_DYN_MD5_KEY", "ILLEGAL_SIGN_TYPE", "ILLEGAL_SECURITY_PROFILE", "ILLEGAL_DIGEST", "ILLEGAL_DIGEST_TYPE", "ILLEGAL_ENCRYPT"},
	},
	{
		Charset, "set the account's input_charset to utf-8, or to the one that was agreed upon",
		[]string{"ILLEGAL_CHARSET", "INVALID_CHARACTER_SET", "ILLEGAL_ENCODING"},
	},
	{
		Origin, "register the address from which this host calls at Alipay, or call from the one that is registered",
		[]string{"ILLEGAL_CLIENT_IP", "ILLEGAL_EXTER_INVOKE_IP", "ILLEGAL_ACCESS_SWITCH_SYSTEM", "ILLEGAL_SWITCH_SYSTEM"},
	},
	{
		QueryPermission, "ask Alipay to open single_trade_query for this partner; without it the program works without looking first, and what is in doubt is left to a person",
		permissionCodes,
	},
}

// permissionCodes say that the account may not use the interface.
var permissionCodes = []string{
	alipay.CodeMayNotUse, "ILLEGAL_SERVICE", "ILLEGAL_EXTERFACE", "ILLEGAL_TARGET_SERVICE", "HAS_NO_PRIVILEGE", "EXTERFACE_IS_CLOSED",
}

// blame is the step that an account's code fails, and what to do.
func blame(code string) (id ID, do string) {
	for _, a := range against {
		if slices.Contains(a.codes, code) {
			return a.id, a.do
		}
	}
	return Partner, "is it the partner (合作者身份ID, 16 digits) that was contracted, and is the contract in force?"
}

// oneLine makes an error's text a line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
