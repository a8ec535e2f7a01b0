package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The documents are of the versions that they are named after, and name every refusal that there may be.
func TestTheDocuments(t *testing.T) {
	s := newSite(t)
	for path, version := range map[string]string{"/openapi.json": "3.1.", "/openapi-3.0.json": "3.0."} {
		var doc struct {
			OpenAPI string
			Paths   map[string]map[string]operation
		}
		if err := json.Unmarshal(s.get(t, path), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, version) {
			t.Errorf("%s: version %q, %v", path, doc.OpenAPI, err)
		}
		for _, want := range []string{shipments, shipments + "/{partner}/{trade_no}", shipments + "/{partner}/{trade_no}/cancel", "/v1/files", "/v1/batches/{batch}", "/v1/events"} {
			for _, op := range doc.Paths[want] {
				if len(op.Tags) != 1 {
					t.Errorf("%s: %s is in no part of the page, or in several: %q", path, op.OperationID, op.Tags)
				}
				for _, status := range []string{"401", "429", "503"} {
					if _, ok := op.Responses[status]; !ok {
						t.Errorf("%s: %s does not say that it may answer %s", path, op.OperationID, status)
					}
				}
			}
			if len(doc.Paths[want]) == 0 {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
}

// The page of documents needs nothing from elsewhere, and may load nothing from there.
func TestThePage(t *testing.T) {
	s := newSite(t)
	page := s.must(t, http.StatusOK, "", http.MethodGet, "/docs", "", nil)
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "frame-ancestors 'none'") { // E1
		t.Errorf("policy %q", policy)
	}
	found := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page.body), -1)
	if len(found) < 4 {
		t.Errorf("the page has no style and scripts: %s", page.body)
	}
	for _, m := range found {
		if !strings.HasPrefix(m[1], "/") || strings.HasPrefix(m[1], "//") {
			t.Errorf("the page loads %s", m[1])
		}
		if a := s.must(t, http.StatusOK, "", http.MethodGet, m[1], "", nil); len(a.body) == 0 || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", m[1], a.header)
		}
	}
	if strings.Contains(string(page.body), "<script>") || strings.Contains(string(page.body), " on") && regexp.MustCompile(` on\w+=`).Match(page.body) {
		t.Errorf("the page has scripts within: %s", page.body)
	}
}

// The judge of answers notices what the document does not have.
func TestTheJudge(t *testing.T) {
	s := newSite(t)
	r := s.request(t, s.shop, http.MethodPost, shipments, "", nil)
	good := s.send(t, s.request(t, s.shop, http.MethodPost, shipments, "application/json", []byte(one(1, ""))))
	for name, spoil := range map[string]func(*answer){
		"status": func(a *answer) { a.status = http.StatusTeapot },
		"media":  func(a *answer) { a.header = http.Header{"Content-Type": {"text/html"}} },
		"field":  func(a *answer) { a.body = []byte(strings.Replace(string(a.body), `"batch"`, `"bach"`, 1)) },
		"value":  func(a *answer) { a.body = []byte(strings.Replace(string(a.body), `"accepted"`, `"taken"`, 1)) },
	} {
		bad := good
		spoil(&bad)
		if s.doc.allows(r, good) != nil || s.doc.allows(r, bad) == nil {
			t.Errorf("%s: a wrong one is taken for right, or a right one for wrong", name)
		}
	}
}
