package commands

import (
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imart/event-worker/persistence/documents"
)

// TestDocumentsAreAsTheirSchemaSays checks all that query prints of the demo's data
// with the printed JSON Schema.
func TestDocumentsAreAsTheirSchemaSays(t *testing.T) {
	t.Parallel()
	data, _ := whole(t)
	parsed, err := jsonschema.UnmarshalJSON(strings.NewReader(output(t, data, "schema", "json")))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("event-worker.json", parsed); err != nil {
		t.Fatal(err)
	}
	for _, c := range documents.Collections() {
		definition, err := compiler.Compile("event-worker.json#/$defs/" + c.Model)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for line := range strings.Lines(output(t, data, "query", c.Name, "--data", data)) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := definition.Validate(doc); err != nil {
				t.Errorf("%s: %v\n%s", c.Name, err, line)
			}
			checked++
		}
		if none := slices.Contains([]string{"dead_letters", "records", "nodes", "requests", "signed_orders", "currencies", "metadata", "audits", "hooks", "dead_hooks"}, c.Name); none != (checked == 0) {
			t.Errorf("%d documents in %s", checked, c.Name)
		}
	}
}

func TestSchemaPrisma(t *testing.T) {
	t.Parallel()
	if printed := output(t, t.TempDir(), "schema", "prisma"); printed != string(documents.Prisma(documents.Collections())) {
		t.Errorf("printed:\n%s", printed)
	}
}
