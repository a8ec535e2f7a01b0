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
	maxAnswer = 1 << 20 // bytes of an answer's body that are read
	maxHead   = 64 << 10
	maxDepth  = 8 // elements inside each other; Alipay's answers have 4
)

var errForm = errors.New("the answer is not in Alipay's form")

// document is the envelope that all answers share:
//
//	<alipay>
//	  <is_success>T</is_success>                         or F, then <error>CODE</error>
//	  <request><param name="…">…</param>…</request>      what was asked; not signed, sometimes absent
//	  <response><NODE><trade_no>…</trade_no>…</NODE></response>
//	  <sign>…</sign><sign_type>MD5</sign_type>
//	</alipay>
type document struct {
	charset  string
	success  string
	code     string
	sign     string
	signType string
	fields   Params // children of the business node: what the signature is over

	node   string // the business node's name
	seen   map[string]bool
	closed bool
}

var declaration = regexp.MustCompile(`^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*\?>`)

// readDocument decodes an answer by its declaration and reads the envelope. The text is returned even
// when it is none.
func readDocument(contentType string, body []byte, node string) (*document, string, error) {
	if len(body) > maxAnswer {
		return nil, "", fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	// The document's own declaration counts; the header's only where there is none; without either it is what it can be.
	charset := "utf-8"
	if !utf8.Valid(body) {
		charset = "gbk"
	}
	if _, p, err := mime.ParseMediaType(contentType); err == nil && p["charset"] != "" {
		charset = p["charset"]
	}
	if m := declaration.FindSubmatch(body[:min(len(body), 200)]); m != nil {
		charset = string(m[1])
	}
	text, err := Decode(charset, body)
	if err != nil {
		return nil, strings.ToValidUTF8(string(body), "�"), err
	}
	doc, err := readEnvelope(text, node)
	if err != nil {
		return nil, text, err
	}
	doc.charset = charset
	return doc, text, nil
}

// element is one that is open.
type element struct {
	name   string
	text   []byte
	nested bool // it has elements inside
}

// readEnvelope walks the tokens. Entities are decoded once, by the XML decoder: that is the text that
// was signed, though a subject may be escaped twice on the wire.
func readEnvelope(text, node string) (*document, error) {
	doc := &document{fields: Params{}, node: node, seen: make(map[string]bool)}
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // decoded already
	var open []element
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && doc.closed {
			return doc, nil
		}
		if err != nil {
			return nil, errors.New("the answer is no whole XML document")
		}
		if open, err = doc.step(open, token); err != nil {
			return nil, err
		}
	}
}

// step takes one token, and gives the elements that are open after it.
func (d *document) step(open []element, token xml.Token) ([]element, error) {
	switch t := token.(type) {
	case xml.StartElement:
		if d.closed || len(open) >= maxDepth || (len(open) == 0 && t.Name.Local != "alipay") {
			return nil, errForm
		}
		if len(open) > 0 {
			open[len(open)-1].nested = true
		}
		return append(open, element{name: t.Name.Local}), nil
	case xml.CharData:
		if len(open) > 0 {
			last := &open[len(open)-1]
			last.text = append(last.text, t...)
		} else if len(bytes.TrimSpace(t)) > 0 {
			return nil, errForm // the decoder lets text around the root pass
		}
	case xml.EndElement:
		last := open[len(open)-1]
		if err := d.take(open, last); err != nil {
			return nil, err
		}
		d.closed = len(open) == 1
		return open[:len(open)-1], nil
	case xml.Directive:
		return nil, errors.New("the answer has a document type, which Alipay's have not")
	}
	return open, nil
}

// take keeps the value of an element that ends. One that stands twice where it matters is refused: which
// of the two was signed?
func (d *document) take(open []element, e element) error {
	var path string
	switch {
	case len(open) == 2:
		path = e.name
	case len(open) == 3 && open[1].name == "response" && e.name == d.node:
		path = d.node + "/"
	case len(open) == 4 && open[1].name == "response" && open[2].name == d.node:
		path = d.node + "/" + e.name
	default:
		return nil
	}
	if len(open) == 4 && e.nested { // a list or group is not a field, and not known to be signed
		return nil
	}
	if d.seen[path] {
		return fmt.Errorf("the answer has %s twice", clip(e.name, 40))
	}
	d.seen[path] = true
	switch len(open) {
	case 2:
		return d.takeHead(e)
	case 4:
		d.fields[e.name] = string(e.text)
	}
	return nil
}

func (d *document) takeHead(e element) error {
	targets := map[string]*string{"is_success": &d.success, "error": &d.code, "sign": &d.sign, "sign_type": &d.signType}
	target, ok := targets[e.name]
	if !ok {
		return nil
	}
	if e.nested {
		return errForm
	}
	*target = strings.TrimSpace(string(e.text))
	return nil
}
