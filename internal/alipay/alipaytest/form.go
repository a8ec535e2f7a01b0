package alipaytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// bodyLimit is far above any request's size, in bytes.
const bodyLimit = 64 << 10

// errIncomplete: the connection ended within the request. That is nobody's broken law: it happens to
// every client that is killed while it writes.
var errIncomplete = errors.New("the request did not arrive completely")

// pair is one parameter as it came: percent-decoded, its bytes still in the request's charset.
type pair struct{ name, value string }

// form is a request's parameters and the charset its URL announces.
type form struct {
	pairs   []pair
	charset string // empty: the URL announces none
}

// readForm takes the parameters out of a request, body or URL (I3, I4).
func readForm(r *http.Request) (form, []violation, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil {
		return form{}, nil, fmt.Errorf("%w: %w", errIncomplete, err)
	}
	if len(body) > bodyLimit {
		return form{}, []violation{{codeLength, fmt.Sprintf("the body is longer than %d bytes", bodyLimit)}}, nil
	}
	query, faults := parsePairs(r.URL.RawQuery)
	f := form{pairs: query, charset: first(query, "_input_charset")}
	switch r.Method {
	case http.MethodGet:
		if len(body) > 0 {
			faults = append(faults, violation{codeArgument, "I4: a GET with a body"})
		}
	case http.MethodPost:
		faults = append(faults, postURL(r.URL.RawQuery, f.charset)...)
		faults = append(faults, contentType(r.Header)...)
		pairs, more := parsePairs(string(bytes.TrimSpace(body)))
		f.pairs, faults = pairs, append(faults, more...)
	default:
		faults = append(faults, violation{codeArgument, "I4: the method is " + r.Method + ", not GET or POST"})
	}
	return f, faults, nil
}

// postURL checks that a POST's URL carries _input_charset and nothing more (I3).
func postURL(query, charset string) []violation {
	switch query {
	case "_input_charset=" + charset:
		if charset != "" {
			return nil
		}
		fallthrough
	case "":
		return []violation{{codeCharset, "I3: the URL carries no _input_charset"}}
	}
	return []violation{{codeArgument, "I3: the URL of a POST carries more than _input_charset: " + names(query)}}
}

func contentType(h http.Header) []violation {
	if t, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return []violation{{codeArgument, fmt.Sprintf("the content type is %q, not application/x-www-form-urlencoded", h.Get("Content-Type"))}}
	}
	return nil
}

// parsePairs is stricter than net/url: nothing is forgiven and the order is kept.
func parsePairs(raw string) (pairs []pair, faults []violation) {
	if raw == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, ok := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		switch {
		case !ok || name == "":
			faults = append(faults, violation{codeArgument, fmt.Sprintf("%q is not name=value", name)})
		case err != nil || err2 != nil:
			faults = append(faults, violation{codeEncoding, fmt.Sprintf("%s is not percent-encoded", name)})
		default:
			pairs = append(pairs, pair{n, v})
		}
	}
	return pairs, faults
}

func first(pairs []pair, name string) string {
	for _, p := range pairs {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// names are the names in a query, without the values, which may be anything.
func names(query string) string {
	pairs, _ := parsePairs(query)
	var all []string
	for _, p := range pairs {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}
