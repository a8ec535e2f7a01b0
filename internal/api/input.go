package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"fahuo/internal/shipment"
)

// MaxItems is how many shipments one request may hand over.
const MaxItems = 1000

// fieldUrgent is the name of the one field that is not part of a shipment's texts.
const fieldUrgent = "urgent"

// entry is one shipment of a body as it was read: normalized, and with what is wrong with it, if anything.
type entry struct {
	shipment shipment.Shipment
	fault    *shipment.FieldError
}

func (e *entry) blame(field, format string, args ...any) {
	if e.fault == nil {
		e.fault = &shipment.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
	}
}

// texts are the fields that hold a text.
func texts(s *shipment.Shipment) map[string]*string {
	return map[string]*string{
		shipment.FieldPartner: &s.Partner, shipment.FieldTradeNo: &s.TradeNo, shipment.FieldLogisticsName: &s.LogisticsName,
		shipment.FieldInvoiceNo: &s.InvoiceNo, shipment.FieldTransportType: &s.TransportType,
		shipment.FieldCreateTransportType: &s.CreateTransportType, shipment.FieldSellerIP: &s.SellerIP,
		shipment.FieldOrderRef: &s.OrderRef, shipment.FieldBatch: &s.Batch,
	}
}

// parse reads a body: one shipment, or a list of them. An error is about all of it; what is wrong with one shipment
// stands in its entry.
func parse(body []byte) (entries []entry, list bool, err error) {
	if err := wellFormed(body); err != nil {
		return nil, false, err
	}
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	switch body = bytes.TrimLeft(body, " \t\r\n"); body[0] {
	case '{':
		e := readEntry(in)
		return []entry{e}, false, nil
	case '[':
	default:
		return nil, false, problem(http.StatusUnprocessableEntity, "The body is neither an object, which is one shipment, nor an array of them.", at("body", &shipment.FieldError{Reason: "an object or an array is expected"}))
	}
	_, _ = in.Token() // the bracket that has just been seen
	for in.More() {
		if len(entries) == MaxItems {
			return nil, false, problem(http.StatusUnprocessableEntity, fmt.Sprintf("The array has more than %d items; hand it over in parts.", MaxItems),
				at("body", &shipment.FieldError{Reason: fmt.Sprintf("at most %d items are allowed", MaxItems)}))
		}
		entries = append(entries, readEntry(in))
	}
	if len(entries) == 0 {
		return nil, false, problem(http.StatusUnprocessableEntity, "The array is empty.", at("body", &shipment.FieldError{Reason: "at least one item is expected"}))
	}
	return entries, true, nil
}

// wellFormed demands JSON in UTF-8. After it, no token is a surprise.
func wellFormed(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return problem(http.StatusBadRequest, "The body is empty; send a shipment or an array of them as JSON.")
	}
	if !utf8.Valid(body) {
		return problem(http.StatusBadRequest, "The body is not in UTF-8.")
	}
	var whole json.RawMessage
	err := json.Unmarshal(body, &whole)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return problem(http.StatusBadRequest, fmt.Sprintf("The body is not JSON: %v (byte %d).", err, syntax.Offset))
	}
	if err != nil {
		return problem(http.StatusBadRequest, "The body is not JSON.")
	}
	return nil
}

// readEntry reads one value as a shipment.
func readEntry(in *json.Decoder) (e entry) {
	if first, _ := in.Token(); first != json.Delim('{') {
		skipFrom(in, first)
		e.blame("", "is %s; a shipment is an object", kind(first))
		return e
	}
	fields, seen := texts(&e.shipment), make(map[string]bool)
	for in.More() {
		name, _ := in.Token()
		e.read(in, name.(string), fields, seen) //nolint:forcetypeassert // names are strings: it is well-formed
	}
	_, _ = in.Token() // the closing brace
	if !seen[shipment.FieldTransportType] && !seen[shipment.FieldCreateTransportType] {
		e.shipment.TransportType = shipment.TransportExpress // as for a file with neither column
	}
	urgent := e.shipment.Urgent
	e.shipment = e.shipment.Normalize()
	e.shipment.Urgent = urgent
	return e
}

// read reads one field.
func (e *entry) read(in *json.Decoder, name string, fields map[string]*string, seen map[string]bool) {
	value, _ := in.Token()
	skipFrom(in, value)
	if seen[name] {
		e.blame(name, "stands twice; which of them is meant cannot be told")
		return
	}
	seen[name] = true
	text := fields[name]
	if text == nil && name != fieldUrgent {
		e.blame(shorten(name), "is not known here; the document at /docs lists the fields")
		return
	}
	switch v := value.(type) {
	case nil: // as if it were not there
	case string:
		if text == nil {
			e.blame(name, "is a text; write true or false without quotes")
			return
		}
		*text = v
	case bool:
		if text != nil {
			e.blame(name, "is true or false; a text in quotes is expected")
			return
		}
		e.shipment.Urgent = v
	case json.Number:
		e.blame(name, "is a number; send it as a text in quotes, since numbers lose digits and zeros on their way")
	default:
		e.blame(name, "is %s; a single value is expected", kind(value))
	}
}

// skipFrom reads to the end of a value whose first token has been read.
func skipFrom(in *json.Decoder, first json.Token) {
	depth := 0
	for token := first; ; token, _ = in.Token() {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth <= 0 {
			return
		}
	}
}

func kind(t json.Token) string {
	switch v := t.(type) {
	case json.Delim:
		if v == '[' || v == ']' {
			return "an array"
		}
		return "an object"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case nil:
		return "null"
	}
	return "a number"
}

// shorten keeps a hostile name from flooding the reader, and its odd characters from logs.
func shorten(name string) string {
	const most = 40
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return '?'
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}
