package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// object is a JSON object.
type object = map[string]any

// OpenAPI returns the description of the API, as OpenAPI 3.1 in JSON. It is derived from the
// declarations of the collections.
var OpenAPI = sync.OnceValues(func() ([]byte, error) {
	models, err := schemas()
	if err != nil {
		return nil, err
	}
	models["Problem"] = object{
		"type": "object", "description": "Why a request was refused or has failed (RFC 9457).",
		"required": []string{"type", "title", "status", "detail"},
		"properties": object{
			"type": object{"type": "string"}, "title": object{"type": "string", "description": "The status in words."}, "status": object{"type": "integer"},
			"detail": object{"type": "string", "description": "A sentence that says what to do."},
		},
	}
	models["RequestToMake"] = requestSchema()
	paths := object{}
	for _, name := range Served {
		of := documents.Of(name)
		paths["/"+name] = object{"get": listOperation(of)}
		paths["/"+name+"/{id}"] = object{"get": oneOperation(of)}
	}
	paths["/"+persistence.Requests].(object)["post"] = askOperation()
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Event worker", "version": fmt.Sprint(documents.Version),
			"description": "The documents of the event worker. The version is that of the documents.",
		},
		"servers":  []object{{"url": "/"}},
		"security": []object{{}, {"token": []string{}}, {"cookie": []string{}}},
		"paths":    paths,
		"components": object{
			"schemas": models,
			"securitySchemes": object{
				"token":  object{"type": "http", "scheme": "bearer", "description": "The token of api.token or api.tokenFile. If none is configured, every client may read and none may change anything."},
				"cookie": object{"type": "apiKey", "in": "cookie", "name": "event-worker", "description": "The cookie that POST /login sets in exchange for the token."},
			},
		},
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	return append(text, '\n'), err
})

func serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	text, err := OpenAPI()
	if err != nil {
		panic(err) // a broken build: tests check the description
	}
	tag(text).send(w, r)
}

// schemas returns the models of the documents, by name.
func schemas() (object, error) {
	text, err := documents.JSONSchema(documents.Collections())
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte(`"#/$defs/`), []byte(`"#/components/schemas/`))
	var schema struct {
		Defs object `json:"$defs"`
	}
	err = json.Unmarshal(text, &schema)
	return schema.Defs, err
}

func requestSchema() object {
	return object{
		"type": "object", "description": "A request to the owner of a chain.", "additionalProperties": false, "required": []string{"kind", "chain"},
		"properties": object{
			"kind":       object{"enum": kindNames(), "description": "retry decodes dead letters again; rewind goes back to a height; pause stops following streams, and resume continues; redecode decodes the raw events of streams again."},
			"chain":      object{"type": "string"},
			"market":     object{"type": "string", "description": "The only market concerned."},
			"stream":     object{"type": "string", "description": "The only stream of the market concerned."},
			"height":     object{"type": "integer", "minimum": 0, "description": "The height that a rewind goes back to, or after which events are decoded again: a block number, or a ledger version on Aptos."},
			"deadLetter": object{"type": "string", "description": "The _id of the only dead letter to retry."},
			"dryRun":     object{"type": "boolean", "description": "Whether a rewind only reports what it would undo."},
		},
	}
}

func reference(model string) object { return object{"$ref": "#/components/schemas/" + model} }

func content(schema object) object { return object{"application/json": object{"schema": schema}} }

// refusals returns the responses of refused and failed requests, with additional statuses.
func refusals(more ...string) object {
	meaning := map[string]string{
		"400": "A parameter or the body is not valid.", "401": "The token is missing or wrong.", "403": "The client is not allowed to do this.",
		"404": "Document not found.", "429": "The client sends too many requests.", "503": "The database does not answer, or too many requests are in progress.",
		"504": "The query took too long.",
	}
	out := object{}
	for _, status := range append(more, "400", "401", "403", "429", "503", "504") {
		out[status] = object{"description": meaning[status], "content": object{"application/problem+json": object{"schema": reference("Problem")}}}
	}
	return out
}

var headers = object{
	"ETag":          object{"description": "Changes with the response; send it back in If-None-Match.", "schema": object{"type": "string"}},
	"Feed-Position": object{"description": "The position of the feed up to which the page includes all changes; missing if the data have no feed.", "schema": object{"type": "string"}},
	"Link":          object{"description": "The next page, with rel=next; missing on the last one.", "schema": object{"type": "string"}},
}

func listOperation(of documents.Collection) object {
	responses := refusals()
	responses["200"] = object{
		"description": "A page of documents.", "headers": headers,
		"content": content(object{
			"type": "object", "required": []string{"data", "next"}, "additionalProperties": false,
			"properties": object{
				"data": object{"type": "array", "items": reference(of.Model)},
				"next": object{"type": []string{"string", "null"}, "description": "The cursor of the next page; null on the last one."},
			},
		}),
	}
	responses["304"] = object{"description": "The client has the page already."}
	return object{
		"summary": of.Description, "operationId": "list" + title(of.Name), "tags": []string{of.Name},
		"parameters": []object{
			parameter("filter", "A filter in MongoDB's syntax, such as "+exampleFilter(of)+", with $eq $ne $gt $gte $lt $lte $in $nin $exists $not $and $or $nor. Amounts are integers in the smallest unit, times are as in RFC 3339.", object{"type": "string"}),
			parameter("sort", "The fields to sort by, separated by commas, with a leading minus for descending order. The default is _id, which also orders documents with equal values.", object{"type": "string"}),
			parameter("limit", "The maximum number of documents in the page, which ends earlier once they exceed 1 MiB.", object{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}),
			parameter("cursor", "Where the page begins: next of the previous page, with the same filter and sort.", object{"type": "string"}),
		},
		"responses": responses,
	}
}

// exampleFilter returns a filter on an enumerated field, or else on _id.
func exampleFilter(of documents.Collection) string {
	if i := slices.IndexFunc(of.Fields, func(f documents.Field) bool { return f.Enum != nil }); i >= 0 {
		return fmt.Sprintf("{%s: %q}", of.Fields[i].Name, of.Fields[i].Enum.Values[0])
	}
	return `{_id: "…"}`
}

func oneOperation(of documents.Collection) object {
	responses := refusals("404")
	responses["200"] = object{"description": "The document.", "headers": object{"ETag": headers["ETag"]}, "content": content(reference(of.Model))}
	responses["304"] = object{"description": "The client has the document already."}
	id := object{"name": "id", "in": "path", "required": true, "description": "The _id: " + of.At("_id").Description + " Escaping its slashes is optional.", "schema": object{"type": "string"}}
	return object{
		"summary": "One document of " + of.Name + ".", "operationId": "get" + title(of.Name), "tags": []string{of.Name},
		"parameters": []object{id}, "responses": responses,
	}
}

func askOperation() object {
	responses := refusals()
	responses["202"] = object{
		"description": "The request was stored: its document, at Location, reports its progress and result.",
		"headers":     object{"Location": object{"description": "The path of the request's document.", "schema": object{"type": "string"}}},
		"content":     content(reference("Request")),
	}
	return object{
		"summary": "Send a request to the owner of a chain.", "operationId": "makeRequest", "tags": []string{persistence.Requests},
		"security":    []object{{"token": []string{}}, {"cookie": []string{}}},
		"requestBody": object{"required": true, "content": content(reference("RequestToMake"))},
		"responses":   responses,
	}
}

func parameter(name, description string, schema object) object {
	return object{"name": name, "in": "query", "description": description, "schema": schema}
}

// title converts snake case to camel case: dead_letters to DeadLetters.
func title(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
