package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is sent, by the document or against it: no answer is the server's fault, and none is one that the document
// does not have (send sees to that).
func TestWhateverIsSent(t *testing.T) {
	s := newSite(t)
	s.announce(t, shopPartner)
	var operations []string
	for path, methods := range s.doc.paths {
		for method := range methods {
			operations = append(operations, strings.ToUpper(method)+" "+path)
		}
	}
	sort.Strings(operations)
	statuses := make(map[int]int)
	rapid.Check(t, func(rt *rapid.T) {
		for range 10 { // so that there is something of every kind among all of them
			method, path, _ := strings.Cut(rapid.SampledFrom(operations).Draw(rt, "operation"), " ")
			if a, sent := (generator{rt, s}).send(method, path); sent {
				statuses[a.status]++
			}
		}
	})
	for _, want := range []int{200, 202, 401, 403, 404, 422} {
		if statuses[want] == 0 {
			t.Errorf("nothing that was sent is answered with %d: the generator has gone astray (%v)", want, statuses)
		}
	}
}

// generator makes requests, mostly good ones with something odd here and there.
type generator struct {
	t *rapid.T
	s *site
}

// send makes one request and judges its answer. Not sent: no client could.
func (g generator) send(method, path string) (a answer, sent bool) {
	target := g.target(path, g.s.doc.paths[path][strings.ToLower(method)])
	media, body := "", []byte(nil)
	if method == http.MethodPost {
		media, body = g.body(path)
	}
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.s.url+target, strings.NewReader(string(body)))
	if err != nil {
		return answer{}, false
	}
	r.Header.Set("Authorization", "Bearer "+rapid.SampledFrom([]string{g.s.shop, g.s.shop, g.s.shop, g.s.mall, "wrong"}).Draw(g.t, "token"))
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	a, err = g.s.try(r)
	switch {
	case err != nil:
		g.t.Fatal(err)
	case a.status >= 500:
		g.t.Fatalf("%s %s with %q: status %d: %s", method, target, body, a.status, a.body)
	}
	if err := g.s.doc.allows(r, a); err != nil {
		g.t.Fatalf("%s %s with %q is answered by what the document does not have: %v", method, target, body, err)
	}
	return a, true
}

// odd is text that nobody means.
func (g generator) odd() string {
	return rapid.OneOf(
		rapid.String(), rapid.StringMatching(`[0-9]{1,70}`), rapid.SampledFrom([]string{"", "null", "-1", "1e9", "\x00", "../..", "%2F", "'; --", "\U0001F4E6", strings.Repeat("字", 200)}),
	).Draw(g.t, "odd")
}

func (g generator) often(label string) bool { return rapid.IntRange(0, 5).Draw(g.t, label) > 0 }

// value is a parameter's value: one that its schema allows, or an odd one.
func (g generator) value(name string, schema map[string]any) string {
	if !g.often("good " + name) {
		return g.odd()
	}
	if enum, ok := schema["enum"].([]any); ok {
		return fmt.Sprint(rapid.SampledFrom(enum).Draw(g.t, name))
	}
	switch name {
	case "partner":
		return rapid.SampledFrom([]string{shopPartner, shopPartner, mallPartner}).Draw(g.t, name)
	case "trade_no":
		return trade(rapid.IntRange(1, 200).Draw(g.t, name)) // enough that there is always a new one
	case "wait":
		return "1s"
	case "after", "version":
		return ""
	}
	if pattern, ok := schema["pattern"].(string); ok {
		return rapid.StringMatching(pattern).Draw(g.t, name)
	}
	switch schema["type"] {
	case "boolean":
		return fmt.Sprint(rapid.Bool().Draw(g.t, name))
	case "integer":
		return fmt.Sprint(rapid.IntRange(1, 1000).Draw(g.t, name))
	}
	return rapid.SampledFrom([]string{"b", "c"}).Draw(g.t, name)
}

// target fills a path's parameters in, and some of the query's.
func (g generator) target(path string, op operation) string {
	query := url.Values{}
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(g.value(p.Name, p.Schema)), 1)
		case p.Name != "wait" && rapid.Bool().Draw(g.t, "with "+p.Name): // waiting is slow, and tested elsewhere
			query.Set(p.Name, g.value(p.Name, p.Schema))
		}
	}
	if !g.often("known parameters") {
		query.Set(rapid.StringMatching(`[a-z]{1,8}`).Draw(g.t, "unknown"), "1")
	}
	return path + "?" + query.Encode()
}

// body is a body for a path.
func (g generator) body(path string) (media string, body []byte) {
	switch {
	case !g.often("good body"):
		return rapid.SampledFrom([]string{"", "application/json", "text/csv", "multipart/form-data; boundary=x", "x"}).Draw(g.t, "media"), rapid.SliceOf(rapid.Byte()).Draw(g.t, "bytes")
	case path == "/v1/files":
		return "text/csv", []byte("trade_no,logistics_name,partner\n" + g.value("trade_no", nil) + ",SF," + g.value("partner", nil) + "\n")
	case rapid.Bool().Draw(g.t, "one"):
		return "application/json", g.json(g.shipment())
	}
	all := make([]any, rapid.IntRange(0, 5).Draw(g.t, "items"))
	for i := range all {
		all[i] = g.shipment()
	}
	return "application/json", g.json(all)
}

func (g generator) json(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// shipment is one by the document's schema, with an odd value or field now and then.
func (g generator) shipment() any {
	s := map[string]any{"trade_no": g.value("trade_no", nil), "logistics_name": "SF"}
	names := []string{"partner", "invoice_no", "transport_type", "create_transport_type", "seller_ip", "order_ref", "batch", "urgent"}
	for _, name := range names {
		if rapid.IntRange(0, 3).Draw(g.t, "with "+name) == 0 {
			s[name] = g.value(name, nil)
		}
	}
	if !g.often("right types") {
		at := rapid.SampledFrom(slices.Concat(names, []string{"trade_no", "nope"})).Draw(g.t, "spoilt")
		s[at] = rapid.SampledFrom([]any{nil, true, 1, 1e300, "x", []any{[]any{}}, map[string]any{"a": nil}}).Draw(g.t, "value")
	}
	return s
}
