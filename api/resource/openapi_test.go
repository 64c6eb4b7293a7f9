package resource

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/npmtest"
	"github.com/imart/event-worker/internal/teststore"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/storetest"
)

// An OpenAPI validator accepts the description.
func TestOpenAPIIsValid(t *testing.T) {
	packages := npmtest.Install(t, "openapi", filepath.Join("testdata", "openapi"))
	text, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte) (result struct {
		Valid   bool
		Version string
		Errors  json.RawMessage
	}) {
		t.Helper()
		folder := t.TempDir()
		script, err := os.ReadFile(filepath.Join("testdata", "openapi", "check.cjs"))
		if err != nil {
			t.Fatal(err)
		}
		// Its imports are resolved relative to its folder.
		file := filepath.Join(folder, "check.cjs")
		if err := os.WriteFile(file, script, 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		js := exec.CommandContext(t.Context(), "node", file)
		js.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(packages, "node_modules"))
		js.Stdin, js.Stderr = bytes.NewReader(text), &stderr
		out, err := js.Output()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, &stderr)
		}
		if err := json.Unmarshal(out, &result); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return result
	}
	if r := check(text); !r.Valid || r.Version != "3.1" {
		t.Errorf("version %s: %s", r.Version, r.Errors)
	}
	if r := check(bytes.Replace(text, []byte(`"in": "query"`), []byte(`"in": "somewhere"`), 1)); r.Valid {
		t.Error("the validator accepts an invalid description")
	}
}

// Every route is described, and every referenced schema exists.
func TestOpenAPIIsComplete(t *testing.T) {
	text, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, operations := range doc.Paths {
		for method := range operations {
			described = append(described, strings.ToUpper(method)+" "+strings.Replace(path, "{id}", "{id...}", 1))
		}
	}
	for _, r := range Routes(Options{}) {
		if r.Pattern != "GET /openapi.json" && !slices.Contains(described, r.Pattern) {
			t.Errorf("%s is not described", r.Pattern)
		}
	}
	if want := len(Routes(Options{})) - 1; len(described) != want {
		t.Errorf("%d operations are described, there are %d", len(described), want)
	}
	references := regexp.MustCompile(`"#/components/schemas/([^"]*)"`).FindAllSubmatch(text, -1)
	for _, reference := range references {
		if name := string(reference[1]); doc.Components.Schemas[name] == nil {
			t.Errorf("schema %s does not exist", name)
		}
	}
	if len(references) == 0 {
		t.Error("no schema is referenced")
	}
}

// compiled compiles a schema of the description.
func compiled(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	text, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Responses match the description.
func TestResponsesMatchTheirSchemas(t *testing.T) {
	pages, ones := map[string]*jsonschema.Schema{}, map[string]*jsonschema.Schema{}
	for _, name := range Served {
		pages[name] = compiled(t, "/paths/~1"+name+"/get/responses/200/content/application~1json/schema")
		ones[name] = compiled(t, "/components/schemas/"+documents.Of(name).Model)
	}
	problem := compiled(t, "/components/schemas/Problem")
	teststore.Each(t, func(t *testing.T, store persistence.Store) {
		h := handler(Options{Data: querier{store}})
		fits := func(t fataler, s *jsonschema.Schema, body *bytes.Buffer) {
			t.Helper()
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body.Bytes()))
			if err == nil {
				err = s.Validate(doc)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
		}
		epoch, err := store.TakeOver(t.Context(), "ethereum", "node-1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Claim(t.Context(), persistence.Claim{ID: "ethereum/head", Kind: "head", Chain: "ethereum", Node: "node-1", Epoch: epoch}); err != nil {
			t.Fatal(err)
		}
		if err := store.(persistence.RequestQueue).Ask(t.Context(), []persistence.Request{{ID: "r", Chain: "ethereum", Kind: persistence.PauseRequest}}, persistence.AskWithin); err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			drawn := storetest.DrawDocuments(t)
			var orders []markets.Order
			var records []markets.Record
			decodeAll(t, drawn[persistence.Orders], &orders)
			decodeAll(t, drawn[persistence.Records], &records)
			for i := range records {
				records[i].Chain, records[i].Market = "ethereum", "seaport"
			}
			put(t, store, "seaport", orders...)
			commit(t, store, "seaport", func(tx persistence.Tx) error { return tx.PutRecords(records) })
			for _, name := range Served {
				w := get(h, "/"+name, "limit", "3")
				fits(t, pages[name], w.Body)
				for _, doc := range page(t, w).Data {
					fits(t, ones[name], bytes.NewBuffer(doc))
				}
			}
		})
		fits(t, problem, get(h, "/orders?limit=x").Body)
		if w := get(h, "/orders/none"); w.Code != http.StatusNotFound {
			t.Errorf("status %d", w.Code)
		} else {
			fits(t, problem, w.Body)
		}
	})
}

func decodeAll[T any](t fataler, docs []json.RawMessage, into *[]T) {
	t.Helper()
	for _, doc := range docs {
		var v T
		d := json.NewDecoder(bytes.NewReader(doc))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v", err)
		}
		*into = append(*into, v)
	}
}
