package api

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// config is what the library is told. The documents and their page are served by docs.go: the library makes the former
// at the first request, of which there may be two at once, and its page loads its script from elsewhere.
func config(version string) huma.Config {
	if version == "" {
		version = "dev"
	}
	c := huma.DefaultConfig("Fahuo", version)
	c.Info.Description = description
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": format, "json": format}
	c.DefaultFormat = "application/json"
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "Made with: enqueue token new NAME --partner PARTNER"},
	}
	c.Security = []map[string][]string{{"token": {}}}
	c.Tags = []*huma.Tag{{Name: tagHandOver}, {Name: tagOutcome}}
	return c
}

// The two parts of the page, in the order in which somebody new reads them.
const (
	tagHandOver = "Handing over"
	tagOutcome  = "Learning the outcome"
)

const description = "Hand shipments over, and learn what became of them. Handing the same over twice is harmless, so whatever has not been answered is sent again. " +
	"Errors are problems as in RFC 9457, with the path of each field that is to blame. Every answer has an X-Request-Id, which the log has, too."

var format = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		return out.Encode(v)
	},
	Unmarshal: json.Unmarshal,
}

// always are the refusals that every operation may answer with; 422 and 500 the library adds.
var always = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable}

// operation is what all operations have in common. more are refusals besides those that all may have. Who posts hands
// over, or takes back; who gets learns.
func (a *API) operation(method, path, id, summary, text string, more ...int) huma.Operation {
	tag := tagOutcome
	if method == http.MethodPost {
		tag = tagHandOver
	}
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Description: text, Tags: []string{tag},
		Errors: slices.Concat(always, more), Middlewares: huma.Middlewares{a.authenticate},
	}
}

// schema describes a type of ours.
func (a *API) schema(t reflect.Type) *huma.Schema {
	return a.huma.OpenAPI().Components.Schemas.Schema(t, true, "")
}

func answerOf(description string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
}

// handOverLimits: 1,000 shipments are half a megabyte, and four if every character is escaped.
var handOverLimits = bodyLimits{bytes: 4 << 20, time: 30 * time.Second, types: []string{"application/json"}}

func (a *API) registerHandOver() {
	op := a.operation(http.MethodPost, "/v1/shipments", "handOverShipments", "Hand shipments over",
		"One shipment, or an array of up to 1,000. One is answered by the status: 202 accepted, 200 already, 409 conflict, 422 rejected. "+
			"An array is answered with 200 and an item each, in the same order; what is wrong with one item never stops the others. "+
			"When accepted is answered, it is durable. An array all of whose items are for accounts of other tokens is refused with 403.",
		http.StatusForbidden, http.StatusRequestTimeout, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.Middlewares = append(op.Middlewares, a.body(handOverLimits))
	one, many := a.schema(reflect.TypeFor[Accepted]()), a.schema(reflect.TypeFor[BatchAccepted]())
	op.Responses = map[string]*huma.Response{
		"200": answerOf("For one shipment: it is here already. For an array: what became of each.", &huma.Schema{OneOf: []*huma.Schema{one, many}}),
		"202": answerOf("The one shipment is accepted, and durable.", one),
	}
	huma.Register(a.huma, op, a.handOverShipments)
	input := a.schema(reflect.TypeFor[ShipmentInput]())
	least, most := 1, MaxItems
	// Under names, so that generated clients have some for them.
	named := a.huma.OpenAPI().Components.Schemas.Map()
	named["ShipmentInputs"] = &huma.Schema{
		Type: huma.TypeArray, Description: "Up to 1,000 shipments.", Items: input, MinItems: &least, MaxItems: &most,
	}
	named["HandOver"] = &huma.Schema{OneOf: []*huma.Schema{input, reference("ShipmentInputs")}}
	// Added after registering, since the library reads and checks bodies that it knows of.
	a.huma.OpenAPI().Paths[op.Path].Post.RequestBody = &huma.RequestBody{
		Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: reference("HandOver")}},
	}
}

func reference(name string) *huma.Schema { return &huma.Schema{Ref: "#/components/schemas/" + name} }

func (a *API) registerShipment() {
	const path = "/v1/shipments/{partner}/{trade_no}"
	huma.Register(a.huma, a.operation(http.MethodGet, path, "getShipment", "One shipment", "How it stands, and what has happened to it.",
		http.StatusForbidden, http.StatusNotFound), a.getShipment)
	huma.Register(a.huma, a.operation(http.MethodPost, path+"/cancel", "cancelShipment", "Cancel a shipment",
		"Closes a shipment that is queued and was never called. Any other is refused with 409. One that is closed stays so: asking twice is harmless.",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), a.cancelShipment)
}

func (a *API) registerBatch() {
	huma.Register(a.huma, a.operation(http.MethodGet, "/v1/batches/{batch}", "getBatch", "A batch",
		"How far it has got: the rows of the token's accounts. With wait= the answer comes when something has changed, when all is done, or when the time is over.",
		http.StatusNotFound), a.getBatch)
}

// describe completes the document once all operations are in it: answers may get more fields in time, so a client
// must not refuse those that it does not know; and what was refused for its rate or for the ledger says when to come
// again.
func describe(doc *huma.OpenAPI) {
	for name, s := range doc.Components.Schemas.Map() {
		if name != "ShipmentInput" {
			s.AdditionalProperties = nil
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post} {
			if op == nil {
				continue
			}
			for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
				op.Responses[strconv.Itoa(status)].Headers = map[string]*huma.Header{
					"Retry-After": {Description: "Seconds to wait before the request is sent again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
				}
			}
		}
	}
}
