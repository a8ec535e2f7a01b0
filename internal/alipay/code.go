package alipay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Outcome is what an answer means for the call. Its zero value is Unknown.
type Outcome int

// The outcomes.
const (
	Unknown       Outcome = iota // nobody can say whether the call took effect
	Succeeded                    // a verified success that is about our trade
	Busy                         // Alipay was busy: again, later (C2, U1)
	OutOfStep                    // TRADE_STATUS_NOT_AVAILD: query, then a person (C1)
	ShipmentFault                // this shipment is wrong
	AccountFault                 // this account is wrong (A1)
	UnlistedCode                 // a code that is in no table
)

// String is the outcome's name in records and metrics.
func (o Outcome) String() string {
	switch o {
	case Succeeded:
		return "succeeded"
	case Busy:
		return "busy"
	case OutOfStep:
		return "out_of_step"
	case ShipmentFault:
		return "shipment_fault"
	case AccountFault:
		return "account_fault"
	case UnlistedCode:
		return "unlisted_code"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("outcome(%d)", int(o))
}

// Codes that decisions name.
const (
	CodeTradeNotExist           = "TRADE_NOT_EXIST"
	CodeTradeStatusNotAvailable = "TRADE_STATUS_NOT_AVAILD" // sic
	CodeMayNotUse               = "ILLEGAL_PARTNER_EXTERFACE"
	CodeSystemError             = "SYSTEM_ERROR"
)

// codes is the one table of error codes. SESSION_TIMEOUT and its like say nothing about the call: the
// outcome is unknown.
var codes = map[string]Outcome{
	"RETRY": Busy, CodeSystemError: Busy,
	CodeTradeStatusNotAvailable: OutOfStep,

	"ILLEGAL_ARGUMENT": ShipmentFault, CodeTradeNotExist: ShipmentFault, "PARAMTER_IS_NULL": ShipmentFault, //nolint:misspell // as Alipay spells it

	"ILLEGAL_LENGTH": ShipmentFault, "REGEXP_MATCH_FAIL": ShipmentFault,

	"ILLEGAL_SIGN": AccountFault, "ILLEGAL_DYN_MD5_KEY": AccountFault, "ILLEGAL_ENCRYPT": AccountFault,
	"ILLEGAL_SERVICE": AccountFault, "ILLEGAL_USER": AccountFault, "ILLEGAL_PARTNER": AccountFault,
	"ILLEGAL_EXTERFACE": AccountFault, CodeMayNotUse: AccountFault, "ILLEGAL_SECURITY_PROFILE": AccountFault,
	"ILLEGAL_AGENT": AccountFault, "ILLEGAL_SIGN_TYPE": AccountFault, "ILLEGAL_CHARSET": AccountFault,
	"INVALID_CHARACTER_SET": AccountFault, "ILLEGAL_ENCODING": AccountFault, "ILLEGAL_CLIENT_IP": AccountFault,
	"HAS_NO_PRIVILEGE": AccountFault, "ILLEGAL_DIGEST_TYPE": AccountFault, "ILLEGAL_DIGEST": AccountFault,
	"ILLEGAL_TARGET_SERVICE": AccountFault, "ILLEGAL_ACCESS_SWITCH_SYSTEM": AccountFault,
	"ILLEGAL_SWITCH_SYSTEM": AccountFault, "EXTERFACE_IS_CLOSED": AccountFault, "ILLEGAL_EXTER_INVOKE_IP": AccountFault,

	"SESSION_TIMEOUT": Unknown, "SYSTEM_EXCEPTION": Unknown, "EXTERFACE_INVOKE_CONTEXT_EXPIRED": Unknown,
}

// Codes lists every code of the table, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(codes)) }

// aliases are spellings that Alipay uses for the same code.
var aliases = map[string]string{"TRADE_IS_NOT_EXIST": CodeTradeNotExist, "HASH_NO_PRIVILEGE": "HAS_NO_PRIVILEGE"}

// NormalizeCode folds the spellings that were seen: lower case, blanks, aliases.
func NormalizeCode(code string) string {
	code = strings.Join(strings.Fields(strings.ToUpper(code)), "_")
	if same, ok := aliases[code]; ok {
		return same
	}
	return code
}

// Classify looks a code up; one that is not in the table is UnlistedCode, an empty one Unknown.
func Classify(code string) Outcome {
	code = NormalizeCode(code)
	if code == "" {
		return Unknown
	}
	if o, ok := codes[code]; ok {
		return o
	}
	return UnlistedCode
}
