package alipay

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxAnswer = 1 << 20 // bytes of an answer that are read
	maxRecord = 4 << 10 // bytes of it that are kept
)

// Answer is what came back, and what it means.
type Answer struct {
	Outcome      Outcome
	Code         string // normalized error code; empty on a success or without an answer
	TradeStatus  string // as it came
	RefundStatus string
	Verified     bool   // a signature was there and is right
	Unverified   bool   // a success whose signature is missing or wrong
	Complete     bool   // a whole document in Alipay's form was read: the gateway is done with the call
	HTTPStatus   int    // 0: no answer
	Body         string // for the record: decoded, buyer's data masked, without sign, at most 4 KiB
	Err          error  // why Outcome is Unknown
}

// ParseShipAnswer reads the answer to a ship call about a trade. It is total: whatever comes is an
// Answer. Succeeded needs T, a right signature, our trade and a status that means shipped; T in any
// other form is Unknown, since shipping twice answers T too and the rule of this signature is a guess.
func ParseShipAnswer(c *Credentials, tradeNo string, httpStatus int, contentType string, body []byte) Answer {
	return c.parse(tradeNo, httpStatus, contentType, body, "tradeBase", func(a *Answer) error {
		if StateOf(a.TradeStatus) != AlreadyShipped {
			return fmt.Errorf("is_success T, but the trade is %q", a.TradeStatus)
		}
		return nil
	})
}

// ParseQueryAnswer reads the answer to a query of a trade. It is total as ParseShipAnswer is. seller_id is
// not compared: it may differ from the partner.
func ParseQueryAnswer(c *Credentials, tradeNo string, httpStatus int, contentType string, body []byte) Answer {
	return c.parse(tradeNo, httpStatus, contentType, body, "trade", func(a *Answer) error {
		if a.TradeStatus == "" {
			return errors.New("is_success T, but without a trade status")
		}
		return nil
	})
}

func (c *Credentials) parse(tradeNo string, httpStatus int, contentType string, body []byte, node string, confirm func(*Answer) error) Answer {
	a := Answer{HTTPStatus: httpStatus}
	doc, text, err := readDocument(contentType, body, node)
	a.Body = record(text)
	switch {
	case httpStatus >= 500:
		a.Err = fmt.Errorf("the answer has HTTP status %d", httpStatus)
	case err != nil:
		a.Err = err
	default:
		a.Complete = true
		a.judge(c, doc, tradeNo, confirm)
	}
	return a
}

// judge fills in what a whole document means.
func (a *Answer) judge(c *Credentials, doc *document, tradeNo string, confirm func(*Answer) error) {
	switch doc.success {
	case "T":
		a.TradeStatus, a.RefundStatus = doc.fields["trade_status"], doc.fields["refund_status"]
		err := c.verifySuccess(doc)
		a.Verified, a.Unverified = err == nil, err != nil
		if err == nil && doc.fields["trade_no"] != tradeNo {
			err = errors.New("is_success T, but about another trade")
		}
		if err == nil {
			err = confirm(a)
		}
		if a.Err = err; err == nil {
			a.Outcome = Succeeded
		} else if a.Unverified {
			a.TradeStatus, a.RefundStatus = "", "" // nobody vouches for them
		}
	case "F":
		a.Code = NormalizeCode(doc.code)
		if doc.sign != "" {
			if err := c.Verify(Params{"error": doc.code}, doc.charset, doc.signType, doc.sign); err != nil {
				a.Err = fmt.Errorf("a refusal with a wrong signature: %w", err)
				return
			}
			a.Verified = true
		}
		if a.Outcome = Classify(a.Code); a.Outcome == Unknown {
			a.Err = fmt.Errorf("refused with code %q, which does not say whether the call took effect", a.Code)
		}
	default:
		a.Err = fmt.Errorf("is_success is %q", doc.success)
	}
}

func (c *Credentials) verifySuccess(doc *document) error {
	switch {
	case len(doc.fields) == 0:
		return errors.New("is_success T without the trade: unconfirmed")
	case doc.sign == "":
		return errors.New("is_success T without a signature")
	}
	return c.Verify(doc.fields, doc.charset, doc.signType, doc.sign)
}

// document is the envelope that all answers share.
type document struct {
	charset  string
	success  string
	code     string
	sign     string
	signType string
	fields   Params // children of the business node
}

var declaration = regexp.MustCompile(`^<\?xml[^>]*?encoding=["']([A-Za-z0-9._-]+)["'][^>]*\?>`)

// readDocument decodes an answer by its declaration and reads the envelope. The text is returned even
// when it is none.
func readDocument(contentType string, body []byte, node string) (*document, string, error) {
	if len(body) > maxAnswer {
		return nil, "", fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	// The document's own declaration counts; the header's only where there is none.
	charset := "utf-8"
	if _, p, err := mime.ParseMediaType(contentType); err == nil && p["charset"] != "" {
		charset = p["charset"]
	}
	if m := declaration.FindSubmatch(body[:min(len(body), 200)]); m != nil {
		charset = string(m[1])
	}
	text, err := Decode(charset, body)
	if err != nil {
		return nil, strings.ToValidUTF8(string(body[:min(len(body), maxRecord)]), "�"), err
	}
	doc, err := readEnvelope(text, node)
	if err != nil {
		return nil, text, err
	}
	doc.charset = charset
	return doc, text, nil
}

// readEnvelope walks the tokens of <alipay>. Nothing may stand after it.
func readEnvelope(text, node string) (*document, error) {
	doc := &document{fields: Params{}}
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // decoded already
	var path []string
	var value strings.Builder
	closed := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && closed {
			return doc, nil
		}
		if err != nil {
			return nil, errors.New("the answer is no whole XML document")
		}
		switch t := token.(type) {
		case xml.StartElement:
			if closed || (len(path) == 0 && t.Name.Local != "alipay") || len(path) > 8 {
				return nil, errors.New("the answer is not in Alipay's form")
			}
			path = append(path, t.Name.Local)
			value.Reset()
		case xml.CharData:
			value.Write(t)
		case xml.EndElement:
			if err := doc.take(strings.Join(path[1:], "/"), node, value.String()); err != nil {
				return nil, err
			}
			path = path[:len(path)-1]
			value.Reset()
			closed = len(path) == 0
		case xml.Directive:
			return nil, errors.New("the answer has a document type, which Alipay's have not")
		}
	}
}

// take keeps the value of one element. One that stands twice is refused: which of the two was signed?
func (d *document) take(path, node, value string) error {
	targets := map[string]*string{"is_success": &d.success, "error": &d.code, "sign": &d.sign, "sign_type": &d.signType}
	if target, ok := targets[path]; ok {
		if *target != "" {
			return fmt.Errorf("the answer has %s twice", path)
		}
		*target = strings.TrimSpace(value)
		return nil
	}
	name, ok := strings.CutPrefix(path, "response/"+node+"/")
	if !ok || strings.Contains(name, "/") {
		return nil
	}
	if _, twice := d.fields[name]; twice {
		return fmt.Errorf("the answer has %s twice", name)
	}
	d.fields[name] = value
	return nil
}

var (
	signatures = regexp.MustCompile(`(?s)<sign>.*?(</sign>|$)`)
	emails     = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`)
	phones     = regexp.MustCompile(`\b1[3-9][0-9]{9}\b`)
	personal   = regexp.MustCompile(`(?s)<((?:receive|receiver)_[a-z_]*|buyer_(?:name|account|user_id|id|phone|mobile))>(.*?)(</|$)`)
	tokens     = regexp.MustCompile(`(?i)\b(key|sign)=[^&\s<"']+`)
)

// record is what the ledger keeps of an answer: without the signature, a buyer's data masked (R3).
func record(text string) string {
	text = text[:min(len(text), 4*maxRecord)]
	text = signatures.ReplaceAllString(text, "<sign>"+hidden+"</sign>")
	text = personal.ReplaceAllString(text, "<$1>"+hidden+"$3")
	text = emails.ReplaceAllStringFunc(text, maskEmail)
	text = phones.ReplaceAllStringFunc(text, func(s string) string { return s[:3] + "****" + s[7:] })
	text = tokens.ReplaceAllString(text, "$1="+hidden)
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "�")
	if len(text) <= maxRecord {
		return text
	}
	end := maxRecord
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func maskEmail(s string) string {
	name, domain, _ := strings.Cut(s, "@")
	return name[:1] + hidden + "@" + domain
}
