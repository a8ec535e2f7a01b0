package alipaytest

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"unicode/utf8"

	"fahuo/internal/alipay"
)

// violation is one rule that a request breaks: the code with which it is refused and what is wrong.
type violation struct{ code, detail string }

// format checks one parameter's value (G5); an empty code means that it is right.
type format func(value string) (code, why string)

// parameter is what an interface's document says about one of its parameters.
type parameter struct {
	required bool
	format   format
}

var (
	partnerNumber = regexp.MustCompile(`^2088[0-9]{12}$`)
	tradeNumber   = regexp.MustCompile(`^[0-9]{16,64}$`)
)

// Every interface has these; service, partner, _input_charset, sign and sign_type have checks of their own.
var common = map[string]parameter{
	"service": {required: true}, "partner": {required: true, format: matches(partnerNumber)},
	"_input_charset": {required: true}, "sign": {required: true}, "sign_type": {required: true},
}

// interfaces are the parameters of each interface, and no others may be sent (I3).
var interfaces = map[string]map[string]parameter{
	alipay.ServiceShip: {
		"trade_no":              {required: true, format: matches(tradeNumber)},
		"logistics_name":        {format: atMost(64)},
		"invoice_no":            {format: atMost(32)},
		"transport_type":        {format: oneOf("POST", "EXPRESS", "EMS", "DIRECT")},
		"create_transport_type": {format: oneOf("POST", "EXPRESS", "EMS", "DIRECT")},
		"seller_ip":             {format: address},
	},
	alipay.ServiceQuery: {
		"trade_no":     {format: matches(tradeNumber)},
		"out_trade_no": {format: atMost(64)},
	},
}

func matches(pattern *regexp.Regexp) format {
	return func(value string) (code, why string) {
		if pattern.MatchString(value) {
			return "", ""
		}
		return codePattern, "does not match " + pattern.String()
	}
}

func atMost(characters int) format {
	return func(value string) (code, why string) {
		if n := utf8.RuneCountInString(value); n > characters {
			return codeLength, fmt.Sprintf("has %d characters, %d are allowed", n, characters)
		}
		return "", ""
	}
}

func oneOf(values ...string) format {
	return func(value string) (code, why string) {
		if slices.Contains(values, value) {
			return "", ""
		}
		return codeArgument, fmt.Sprintf("is none of %v", values)
	}
}

func address(value string) (code, why string) {
	if _, err := netip.ParseAddr(value); err != nil {
		return codePattern, "is no IP address"
	}
	return "", ""
}
