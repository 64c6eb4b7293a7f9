package documents

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// The JSON form of every document that our types can hold is as its JSON Schema
// says, and is not when it has another field or lacks one.
func TestJSONSchemaTellsDocumentsFromOthers(t *testing.T) {
	text, err := JSONSchema(Collections())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("event-worker.json", parsed); err != nil {
		t.Fatal(err)
	}
	for _, c := range Collections() {
		t.Run(c.Name, func(t *testing.T) {
			schema, err := compiler.Compile("event-worker.json#/$defs/" + c.Model)
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				doc, err := json.Marshal(drawDocument(t, c))
				if err != nil {
					t.Fatal(err)
				}
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(value); err != nil {
					t.Fatalf("%s: %v", doc, err)
				}
				fields := value.(map[string]any)
				for _, f := range c.Fields {
					if f.Required && !f.MongoOnly {
						kept := fields[f.Name]
						delete(fields, f.Name)
						if schema.Validate(value) == nil {
							t.Fatalf("accepted without %s", f.Name)
						}
						fields[f.Name] = kept
					}
				}
				fields["sttus"] = "SOLD"
				if schema.Validate(value) == nil {
					t.Fatal("accepted with another field")
				}
			})
		})
	}
}
