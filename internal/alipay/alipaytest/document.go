package alipaytest

import (
	"bytes"
	"encoding/xml"
	"maps"
	"slices"
	"strings"

	"fahuo/internal/alipay"
)

// envelope is the document that every answer is (protocol, sections 2 and 4).
type envelope struct {
	charset alipay.Charset // declared, and encoded in
	code    string         // of a failure
	door    bool           // the layout of the gateway's front: a line break after the declaration
	node    string         // of a success: the business node, tradeBase or trade; empty: none
	fields  alipay.Params  // the node's children
	echo    alipay.Params  // the request, repeated; nil: not
	sign    string         // empty: none
	signer  alipay.SignType
}

// said is how a verdict stands in the record: "T", the code, or nothing if no whole document is sent.
func (v verdict) said() string {
	switch v.fault.Kind { //nolint:exhaustive // every other kind says what it says
	case Empty, HalfXML, Truncated, HugeBody:
		return ""
	}
	return orDefault(v.code, succeeded)
}

// document is the answer to a call, as bytes in the charset that it declares.
func (g *Gateway) document(c *call, v verdict) ([]byte, alipay.Charset, error) {
	e := envelope{charset: c.req.charset, code: v.code}
	if v.fault.Kind == GBKAnswer || fromTheDoor(v.code) {
		e.charset = "gbk"
	}
	if v.code != "" {
		e.door = fromTheDoor(v.code) || v.code == codeMayNotUse
		doc, err := e.bytes()
		return doc, e.charset, err
	}
	if v.fault.Kind != BareSuccess {
		if err := g.success(&e, c, v); err != nil {
			return nil, e.charset, err
		}
	}
	doc, err := e.bytes()
	return doc, e.charset, err
}

// success fills in the business node, the signature and, mostly, the request. The node's children are
// signed and nothing else (protocol, section 5).
func (g *Gateway) success(e *envelope, c *call, v verdict) error {
	e.node, e.fields = "trade", tradeFields(v.trade)
	if c.ship() {
		e.node, e.fields = "tradeBase", tradeBaseFields(v.trade)
	}
	switch v.fault.Kind { //nolint:exhaustive // the other kinds tell the truth
	case WrongTradeNo:
		e.fields["trade_no"] = other(e.fields["trade_no"])
	case WrongStatus:
		e.fields["trade_status"] = statusWaits
	}
	for name, value := range e.fields {
		e.fields[name] = expressible(e.charset, value)
	}
	if g.repeatsRequest() {
		e.echo = maps.Clone(c.req.params)
		delete(e.echo, "sign")
		delete(e.echo, "sign_type")
	}
	if v.fault.Kind == Unsigned {
		return nil
	}
	credentials := &c.req.signer
	sign, err := credentials.Sign(e.fields, e.charset)
	if v.fault.Kind == WrongSignature {
		sign = other(sign)
	}
	e.sign, e.signer = sign, credentials.SignType
	return err
}

// repeatsRequest: one answer in eight has no <request>; such answers were seen.
func (g *Gateway) repeatsRequest() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.random.IntN(8) > 0
}

// other is a different text of the same form: its first character is another digit.
func other(text string) string {
	if text == "" {
		return text
	}
	if text[0] == '9' {
		return "8" + text[1:]
	}
	return "9" + text[1:]
}

// declaration opens a document in a charset.
func declaration(charset alipay.Charset) string {
	name := string(charset)
	if charset != "utf-8" {
		name = strings.ToUpper(name)
	}
	return `<?xml version="1.0" encoding="` + name + `"?>`
}

// expressible is a text with "?" for what the charset lacks, as Alipay's own demo does it.
func expressible(charset alipay.Charset, text string) string {
	if _, err := charset.Encode(text); err == nil {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		if _, err := charset.Encode(string(c)); err != nil {
			c = '?'
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (e *envelope) bytes() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(declaration(e.charset))
	if e.door {
		b.WriteByte('\n')
	}
	b.WriteString("<alipay>")
	if e.code != "" {
		b.WriteString("<is_success>F</is_success>")
		element(&b, "error", e.code)
	} else {
		b.WriteString("<is_success>" + succeeded + "</is_success>")
		e.body(&b)
	}
	b.WriteString("</alipay>")
	return e.charset.Encode(expressible(e.charset, b.String()))
}

func (e *envelope) body(b *bytes.Buffer) {
	if len(e.echo) > 0 {
		b.WriteString("<request>")
		for _, name := range sortedNames(e.echo) {
			b.WriteString(`<param name="` + name + `">`)
			_ = xml.EscapeText(b, []byte(e.echo[name])) // a Buffer never fails
			b.WriteString("</param>")
		}
		b.WriteString("</request>")
	}
	if e.node != "" {
		b.WriteString("<response><" + e.node + ">")
		for _, name := range sortedNames(e.fields) {
			element(b, name, e.fields[name])
		}
		b.WriteString("</" + e.node + "></response>")
	}
	if e.sign != "" {
		element(b, "sign", e.sign)
		element(b, "sign_type", string(e.signer))
	}
}

func element(b *bytes.Buffer, name, value string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(value)) // a Buffer never fails
	b.WriteString("</" + name + ">")
}

func sortedNames[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
