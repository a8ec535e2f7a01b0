package alipaytest

import (
	"fmt"
	"net/http"
	"strconv"

	"fahuo/internal/alipay"
)

// FaultKind is what the gateway does wrong.
type FaultKind int

// The kinds of faults. The zero value is none.
const (
	NoFault            FaultKind = iota
	BusyRetry                    // answers RETRY
	SystemError                  // answers SYSTEM_ERROR
	StatusNotAvailable           // answers TRADE_STATUS_NOT_AVAILD
	ErrorCode                    // answers Code
	LowerCase                    // answers Code, SYSTEM_ERROR if empty, in lower case with spaces
	Hang                         // never answers
	Reset                        // resets the connection (RST)
	Drop                         // closes the connection without a word (FIN)
	Truncated                    // closes the connection in the middle of the answer
	HalfXML                      // a complete HTTP answer with half a document
	ServerError                  // a page with HTTP status Code, 502 if empty
	HTMLPage                     // a page with HTTP status 200
	Empty                        // HTTP status 200 and not a byte
	HugeBody                     // an answer of many megabytes
	Redirect                     // HTTP 307 to itself: who follows it calls twice
	WrongSignature               // a success whose signature is wrong
	Unsigned                     // a success without a signature
	BareSuccess                  // a success without a word about the trade, unsigned
	WrongTradeNo                 // a signed success about another trade
	WrongStatus                  // a signed success with a status that does not mean shipped
	GBKAnswer                    // an answer in GBK, whatever was asked for; Before: SYSTEM_ERROR
	SlowAnswer                   // the true answer after Delay; Before: shipped after it, if the caller is still there
	Trickle                      // as SlowAnswer, the answer's first bytes at once
	LateShip                     // no answer; Before: shipped after Delay, even if the caller has gone
	lastKind
)

// kinds are the names in faults files and what they mean, in the order of the constants.
var kinds = [lastKind]struct{ name, means string }{
	NoFault:            {"", ""},
	BusyRetry:          {"retry", "answers RETRY"},
	SystemError:        {"system_error", "answers SYSTEM_ERROR"},
	StatusNotAvailable: {"trade_status_not_availd", "answers TRADE_STATUS_NOT_AVAILD"},
	ErrorCode:          {"code", "answers the error code given as code"},
	LowerCase:          {"lower_case", "answers code (default SYSTEM_ERROR) in lower case with spaces"},
	Hang:               {"hang", "never answers"},
	Reset:              {"reset", "resets the connection"},
	Drop:               {"drop", "closes the connection without an answer"},
	Truncated:          {"truncated", "closes the connection in the middle of the answer"},
	HalfXML:            {"half_xml", "answers half a document"},
	ServerError:        {"http_error", "answers a page with the HTTP status given as code (default 502)"},
	HTMLPage:           {"html_page", "answers a page with HTTP status 200"},
	Empty:              {"empty", "answers HTTP status 200 and nothing else"},
	HugeBody:           {"huge", "answers many megabytes"},
	Redirect:           {"redirect", "answers HTTP 307 to itself"},
	WrongSignature:     {"wrong_signature", "answers T, wrongly signed"},
	Unsigned:           {"unsigned", "answers T, not signed"},
	BareSuccess:        {"bare_success", "answers T and nothing about the trade"},
	WrongTradeNo:       {"wrong_trade_no", "answers T about another trade"},
	WrongStatus:        {"wrong_status", "answers T with a status that does not mean shipped"},
	GBKAnswer:          {"gbk", "answers in GBK, whatever was asked for"},
	SlowAnswer:         {"slow", "answers after delay (default 2s)"},
	Trickle:            {"trickle", "answers the first bytes at once, the rest after delay (default 2s)"},
	LateShip:           {"late_ship", "never answers, and ships after delay (default 2s), caller or no caller"},
}

// Kinds are all kinds of faults.
func Kinds() []FaultKind {
	all := make([]FaultKind, 0, lastKind-1)
	for k := NoFault + 1; k < lastKind; k++ {
		all = append(all, k)
	}
	return all
}

// String is the kind's name in faults files; empty for NoFault.
func (k FaultKind) String() string {
	if k < 0 || k >= lastKind {
		return fmt.Sprintf("FaultKind(%d)", int(k))
	}
	return kinds[k].name
}

// Means says in a few words what the kind does.
func (k FaultKind) Means() string {
	if k < 0 || k >= lastKind {
		return ""
	}
	return kinds[k].means
}

// MarshalText is String.
func (k FaultKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a kind's name.
func (k *FaultKind) UnmarshalText(text []byte) error {
	for i, kind := range kinds {
		if kind.name == string(text) {
			*k = FaultKind(i)
			return nil
		}
	}
	return fmt.Errorf("kind: %q is no kind of fault", text)
}

// postpones says whether the trade's shipping waits for the fault's delay.
func (f Fault) postpones() bool {
	return f.When == Before && (f.Kind == SlowAnswer || f.Kind == Trickle || f.Kind == LateShip)
}

// ships says whether the trade is shipped before the fault strikes.
func (f Fault) ships() bool { return f.Kind == NoFault || f.When == After }

// code is the error code with which the fault answers; empty: it does not answer with a code.
func (f Fault) code() string {
	switch f.Kind { //nolint:exhaustive // the other kinds have no code of their own
	case BusyRetry:
		return codeBusy
	case SystemError:
		return codeSystemError
	case StatusNotAvailable:
		return codeOutOfStep
	case ErrorCode:
		return f.Code
	case LowerCase:
		return lowerCase(orDefault(f.Code, codeSystemError))
	case GBKAnswer:
		if f.When == Before && f.Service == alipay.ServiceShip {
			return orDefault(f.Code, codeSystemError)
		}
	}
	return ""
}

// status is the HTTP status of a ServerError; 0 if Code is none.
func (f Fault) status() int {
	if f.Code == "" {
		return http.StatusBadGateway
	}
	n, err := strconv.Atoi(f.Code)
	if err != nil || n > 599 {
		return 0
	}
	return n
}
