package alipaytest

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"fahuo/internal/alipay"
)

// request is one request as read and checked.
type request struct {
	service, partner, tradeNo string // as claimed; they may be wrong or empty
	params                    alipay.Params
	charset                   alipay.Charset     // that of the answer
	account                   *Account           // nil: unknown
	alsoKey                   bool               // it was signed with Account.AlsoKey
	signer                    alipay.Credentials // those that the request was signed with, as far as is known
	violations                []violation        // in the order in which they are met; the first one is answered
}

// readRequest reads a request and checks it against every rule. The error is errIncomplete.
func (g *Gateway) readRequest(r *http.Request) (*request, error) {
	f, faults, err := readForm(r)
	if err != nil {
		return nil, err
	}
	req := &request{params: alipay.Params{}, violations: faults}
	formFaults := req.decode(f)
	req.service, req.partner, req.tradeNo = req.params["service"], req.params["partner"], req.params["trade_no"]
	req.account = g.accounts[req.partner]
	req.checkAccount()
	req.checkSign(f)
	// What the gateway's front finds is answered before what the interface finds.
	req.violations = append(req.violations, formFaults...)
	req.checkParams()
	return req, nil
}

func (r *request) violated(code, format string, args ...any) {
	r.violations = append(r.violations, violation{code, fmt.Sprintf(format, args...)})
}

// decode turns bytes into text by the charset that the URL announces; without one that is GBK, as Alipay
// documents. It returns what is wrong with single parameters.
func (r *request) decode(f form) (faults []violation) {
	announced := orDefault(f.charset, "gbk")
	charset, err := alipay.ParseCharset(announced)
	if err != nil {
		r.violated(codeCharset, "_input_charset in the URL: %v", err)
		charset = "gbk"
	}
	r.charset = charset
	for _, p := range f.pairs {
		value, err := alipay.Decode(string(charset), []byte(p.value))
		if err == nil {
			_, err = charset.Encode(value) // Decode takes all of GB18030 for GBK; nobody knows whether Alipay does
		}
		if err != nil {
			r.violated(codeEncoding, "%s is not %s: %v", p.name, charset, err)
		}
		if _, twice := r.params[p.name]; twice {
			faults = append(faults, violation{codeArgument, p.name + " is there twice"})
			continue
		}
		r.params[p.name] = value
		if p.value == "" {
			faults = append(faults, violation{codeArgument, "G2: " + p.name + " is sent empty"})
		}
	}
	switch in := r.params["_input_charset"]; in {
	case "":
		r.violated(codeCharset, "G6: _input_charset is missing among the parameters")
	case announced:
	default:
		r.violated(codeCharset, "I3: the URL announces _input_charset %q, the parameters %q", announced, in)
	}
	return faults
}

func (r *request) checkAccount() {
	if _, ok := interfaces[r.service]; !ok {
		r.violated(codeService, "service %q is not offered", r.service)
	}
	if r.account == nil {
		r.violated(codePartner, "A1: partner %q is not known", r.partner)
	}
}

// checkSign checks the signature with what the account signs with (G1, I2).
func (r *request) checkSign(f form) {
	if r.account == nil {
		return
	}
	c := &r.account.Credentials
	switch declared := r.params["sign_type"]; {
	case declared == "":
		r.violated(codeSignType, "I2: sign_type is missing")
	case declared != string(c.SignType):
		r.violated(codeSignType, "sign_type is %q, the account signs with %s", declared, c.SignType)
	case r.params["sign"] == "":
		r.violated(codeSign, "I2: sign is missing")
	default:
		r.signer = *c
		err := c.Verify(r.params, orDefault(f.charset, "gbk"), declared, r.params["sign"])
		if err != nil && !r.account.AlsoKey.IsZero() {
			r.signer.Key = r.account.AlsoKey
			err = r.signer.Verify(r.params, orDefault(f.charset, "gbk"), declared, r.params["sign"])
			r.alsoKey = err == nil
		}
		if err != nil {
			r.violated(codeSign, "G1: %v", err)
		}
	}
}

// checkParams checks every parameter against the interface's list (G3, G4, G5, I3).
func (r *request) checkParams() {
	list, ok := interfaces[r.service]
	if !ok {
		return
	}
	for _, name := range sortedNames(r.params) {
		p, known := list[name]
		if !known {
			p, known = common[name]
		}
		if !known {
			r.violated(codeArgument, "I3: %s is not a parameter of %s", name, r.service)
			continue
		}
		r.checkValue(name, r.params[name], p.format)
	}
	for _, name := range sortedNames(list) {
		if list[name].required && r.params[name] == "" {
			r.violated(codeNull, "G3: %s is missing", name)
		}
	}
	r.checkTogether()
}

func (r *request) checkValue(name, value string, f format) {
	if name != "sign" && strings.ContainsFunc(value, func(c rune) bool { return unicode.IsControl(c) || c == '&' || c == '=' }) {
		// The signed string has & and = between its parts: such a value could stand for two.
		r.violated(codePattern, "%s has a control character, & or =", name)
	}
	if f == nil || value == "" {
		return
	}
	if code, why := f(value); code != "" {
		r.violated(code, "G5: %s %s", name, why)
	}
}

// checkTogether checks what an interface demands of several parameters together (G4).
func (r *request) checkTogether() {
	switch r.service {
	case alipay.ServiceQuery:
		if r.tradeNo == "" && r.params["out_trade_no"] == "" {
			r.violated(codeNull, "G4: neither trade_no nor out_trade_no")
		}
	case alipay.ServiceShip:
		if r.transport() == "" {
			r.violated(codeNull, "G4: neither transport_type nor create_transport_type")
		}
		if r.transport() != "DIRECT" && r.params["logistics_name"] == "" {
			r.violated(codeNull, "G3: logistics_name is missing")
		}
	}
}

// transport is how the goods travel.
func (r *request) transport() string {
	return orDefault(r.params["transport_type"], r.params["create_transport_type"])
}
