package alipaytest

import (
	"strings"

	"fahuo/internal/alipay"
)

// Error codes that the gateway answers of itself (protocol, section 3).
const (
	codeBusy        = "RETRY"
	codeSystemError = "SYSTEM_ERROR"
	codeOutOfStep   = alipay.CodeTradeStatusNotAvailable
	codeNoTrade     = alipay.CodeTradeNotExist
	codeArgument    = "ILLEGAL_ARGUMENT"
	codeNull        = "PARAMTER_IS_NULL" //nolint:misspell // Alipay's own spelling
	codeLength      = "ILLEGAL_LENGTH"
	codePattern     = "REGEXP_MATCH_FAIL"
	codeSign        = "ILLEGAL_SIGN"
	codeSignType    = "ILLEGAL_SIGN_TYPE"
	codeCharset     = "ILLEGAL_CHARSET"
	codeEncoding    = "ILLEGAL_ENCODING"
	codeService     = "ILLEGAL_SERVICE"
	codePartner     = "ILLEGAL_PARTNER"
	codeMayNotUse   = alipay.CodeMayNotUse
	succeeded       = "T" // how a success stands in the record, where a failure has its code
)

// fromTheDoor says whether a code is an answer of the gateway's front, before the interface is reached.
// Those declare GBK whatever was asked for (protocol, section 5: seen).
func fromTheDoor(code string) bool {
	switch code {
	case codeSign, codeSignType, codeCharset, codeEncoding, codeService, codePartner:
		return true
	}
	return false
}

// lowerCase is a code as some were seen: in lower case, with spaces.
func lowerCase(code string) string {
	return strings.ReplaceAll(strings.ToLower(code), "_", " ")
}

// upperCase undoes lowerCase.
func upperCase(code string) string {
	return strings.ReplaceAll(strings.ToUpper(code), " ", "_")
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
