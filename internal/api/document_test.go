package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the served OpenAPI document as a judge of answers.
type document struct {
	paths    map[string]map[string]operation
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

type operation struct {
	OperationID string `json:"operationId"`
	Tags        []string
	Parameters  []struct {
		Name, In string
		Schema   map[string]any
	}
	Responses map[string]struct {
		Content map[string]json.RawMessage
	}
}

func readDocument(t testing.TB, text []byte) *document {
	t.Helper()
	var read struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{paths: read.Paths, compiler: jsonschema.NewCompiler(), schemas: make(map[string]*jsonschema.Schema)}
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource("openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	return d
}

// find is the operation that answers a request; false: the document has none.
func (d *document) find(method, path string) (string, operation, bool) {
	for template, methods := range d.paths {
		if matches(template, path) {
			op, ok := methods[strings.ToLower(method)]
			return template, op, ok
		}
	}
	return "", operation{}, false
}

func matches(template, path string) bool {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if !strings.HasPrefix(want[i], "{") && want[i] != have[i] {
			return false
		}
	}
	return true
}

// allows tells whether the document has an answer: its status, its media type, and what it looks like.
func (d *document) allows(r *http.Request, a answer) error {
	template, op, ok := d.find(r.Method, r.URL.EscapedPath())
	if !ok {
		return nil // not there, or not of the document: health, the document itself
	}
	status := fmt.Sprint(a.status)
	media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if _, ok := op.Responses[status].Content[media]; !ok {
		return fmt.Errorf("%s with %s as %q: %s", template, status, media, a.body)
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1").Replace
	schema, err := d.schema(fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%s/content/%s/schema",
		escape(template), strings.ToLower(r.Method), status, escape(media)))
	if err != nil {
		return err
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		return fmt.Errorf("%w: %s", err, a.body)
	}
	if err := schema.Validate(body); err != nil {
		return fmt.Errorf("%w: %s", err, a.body)
	}
	return nil
}

func (d *document) schema(at string) (*jsonschema.Schema, error) {
	if s := d.schemas[at]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(at)
	if err == nil {
		d.schemas[at] = s
	}
	return s, err
}
