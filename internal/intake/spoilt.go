package intake

import (
	"regexp"
	"strconv"
	"strings"

	"fahuo/internal/shipment"
)

var (
	sheetError = regexp.MustCompile(`^#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)$`)
	date       = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?.*)?$|^\d{2}:\d{2}:\d{2}$`)
	exponent   = regexp.MustCompile(`^-?\d(\.\d+)?E\+\d+$`)
	decimals   = regexp.MustCompile(`^-?\d+\.\d+$`)
)

// spoilt recognizes values that a spreadsheet has made of what somebody entered, and that would do as texts: a file of
// refused rows, which has nothing but texts, is refused for them again until they are corrected. partner is the row's own.
func spoilt(s shipment.Shipment, partner string) *shipment.FieldError {
	for _, f := range []struct {
		field, value string
		free         bool // it goes to nobody: a date or a fraction may be meant
	}{
		{shipment.FieldPartner, partner, false},
		{shipment.FieldTradeNo, s.TradeNo, false},
		{shipment.FieldLogisticsName, s.LogisticsName, false},
		{shipment.FieldInvoiceNo, s.InvoiceNo, false},
		{shipment.FieldTransportType, s.TransportType, false},
		{shipment.FieldCreateTransportType, s.CreateTransportType, false},
		{shipment.FieldSellerIP, s.SellerIP, false},
		{shipment.FieldOrderRef, s.OrderRef, true},
	} {
		if reason := unmeant(f.value, f.free); reason.Form != "" {
			return shipment.Refuse(f.field, reason)
		}
	}
	if looksCut(s.TradeNo) {
		return shipment.Refuse(shipment.FieldTradeNo, words("%q is no number of Alipay's any more: a spreadsheet or program has kept its first 15 digits or so "+
			"and made up the others; format the column as text and enter the numbers anew", s.TradeNo))
	}
	if s.LogisticsName != "" && strings.Trim(s.LogisticsName, "0123456789") == "" {
		return shipment.Refuse(shipment.FieldLogisticsName, words("%.40q is a number and no courier's name; does each value stand in its own column?", s.LogisticsName))
	}
	return nil
}

func unmeant(value string, free bool) shipment.Words {
	if value == "" {
		return shipment.Words{}
	}
	switch first := value[0]; {
	case first == '#' && sheetError.MatchString(value):
		return words("is the spreadsheet's error %s instead of a value; correct the formula, or enter the value itself", value)
	case first == '=':
		return words("is the formula %.40q without a result; open the file in a spreadsheet and save it, or enter the value itself", value)
	case !free && (value == "TRUE" || value == "FALSE"):
		return words("is the truth value %s; enter what is meant, as text", value)
	case (first < '0' || first > '9') && first != '-', !strings.ContainsAny(value, ".-:E"):
		return shipment.Words{}
	case exponent.MatchString(value), !free && decimals.MatchString(value):
		return shipment.Rounded(value)
	case !free && date.MatchString(value):
		return words("is a date, %s; format the column as text and enter the value anew", value)
	}
	return shipment.Words{}
}

// looksCut recognizes trade numbers that were a floating-point number on their way and are written in full again: such as
// 2026112300001000000000000000, of which a spreadsheet has kept 15 digits, the last of which may be 0, or
// 2026112300001000874596892672, which is the nearest one. Trade numbers have 16 or 28 digits. Of those with 28 fewer than
// one in ten thousand million looks so by chance; one of 16 digits cannot be told from one that was cut. What ends in
// still more zeros was never a number of Alipay's, and nobody has cut it.
func looksCut(no string) bool {
	const least, kept, mostZeros = 24, 15, 3
	if len(no) < least || strings.Trim(no, "0123456789") != "" {
		return false
	}
	if n := len(strings.TrimRight(no, "0")); n <= kept {
		return n >= kept-mostZeros
	}
	n, err := strconv.ParseFloat(no, 64)
	return err == nil && strconv.FormatFloat(n, 'f', 0, 64) == no
}
