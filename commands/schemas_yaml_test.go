package commands

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The schemas that editors are given are schemas, and their first lines' hints are in the
// example and in the documentation.
func TestSchemasForEditors(t *testing.T) {
	t.Parallel()
	for command, file := range map[string]string{"config": "event-worker.config.schema.json", "markets": "event-worker.market.schema.json"} {
		text := output(t, t.TempDir(), command, "schema")
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		draft, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
		if err != nil {
			t.Fatal(err)
		}
		if err := draft.Validate(doc); err != nil {
			t.Errorf("%s schema: %v", command, err)
		}
		help := output(t, t.TempDir(), command, "schema", "--help")
		if hint := "# yaml-language-server: $schema=" + file; !strings.Contains(help, hint) || command == "config" && !strings.HasPrefix(output(t, t.TempDir(), "config", "example"), hint) {
			t.Errorf("%s: no hint %s", command, hint)
		}
	}
}
