package documents

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/npmtest"
)

// Prisma's own parser takes our schema, as "prisma format" would have it, and finds
// in it every collection, field and index.
func TestPrismaTakesTheSchema(t *testing.T) {
	parser := prismaParser(t)
	schema := Prisma(Collections())
	answer := parser.parse(t, schema)
	if answer.Error != "" || len(answer.Lint) > 0 {
		t.Fatalf("%s%s\n%s", answer.Error, answer.Lint, schema)
	}
	if answer.Formatted != string(schema) {
		t.Errorf("prisma format writes it so:\n%s", answer.Formatted)
	}

	want := map[string]prismaModel{}
	var wantIndexes []prismaIndex
	for _, m := range modelsOf(Collections()) {
		model := prismaModel{Name: m.Name, Fields: prismaFields(m.Fields)}
		if m.Collection != nil {
			model.Table, model.Documentation = m.Collection.Name, m.Collection.Description
			wantIndexes = append(wantIndexes, prismaIndexes(m)...)
		}
		want[m.Name] = model
	}
	got := map[string]prismaModel{}
	for _, m := range append(answer.Datamodel.Models, answer.Datamodel.Types...) {
		got[m.Name] = m
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("Prisma has %+v\nwant %+v", got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d models, want %d", len(got), len(want))
	}
	if !reflect.DeepEqual(answer.Datamodel.Indexes, wantIndexes) {
		t.Errorf("Prisma has %+v\nwant %+v", answer.Datamodel.Indexes, wantIndexes)
	}
	for _, e := range answer.Datamodel.Enums {
		if len(e.Values) < 2 {
			t.Errorf("%s has values %v", e.Name, e.Values)
		}
	}
}

// The test above would see a schema that Prisma does not take.
func TestPrismaRefusesWhatIsWrong(t *testing.T) {
	parser := prismaParser(t)
	for _, mistake := range [][2]string{
		{" OrderStatus\n", " Status\n"},
		{"token.collection, ", "token.colection, "},
		{`@map("_id")`, ""},
	} {
		broken := bytes.ReplaceAll(Prisma(Collections()), []byte(mistake[0]), []byte(mistake[1]))
		if answer := parser.parse(t, broken); answer.Error == "" {
			t.Errorf("Prisma takes %q for %q", mistake[1], mistake[0])
		}
	}
}

type (
	prismaAnswer struct {
		Error     string
		Lint      []json.RawMessage
		Formatted string
		Datamodel struct {
			Models, Types []prismaModel
			Indexes       []prismaIndex
			Enums         []struct {
				Name   string
				Values []struct{ Name string }
			}
		}
	}
	prismaModel struct {
		Name          string
		Table         string `json:"dbName"`
		Documentation string
		Fields        []prismaField
	}
	prismaField struct {
		Name               string
		Stored             string `json:"dbName"`
		Kind, Type         string
		IsList, IsRequired bool
		IsID               bool
		NativeType         []any // its name and its parameters
		Documentation      string
	}
	prismaIndex struct {
		Model, Type string
		Name        string `json:"dbName"`
		Fields      []struct{ Name, SortOrder string }
	}
)

func prismaFields(fields []Field) []prismaField {
	scalars := map[Type]string{
		String: "String", Amount: "String", ObjectID: "String", AnyID: "String", Int: "Int", Long: "BigInt", Bool: "Boolean", Date: "DateTime", BinData: "Bytes",
		Double: "Float", Counts: "Json", Free: "Json",
	}
	var out []prismaField
	for _, f := range fields {
		p := prismaField{Name: f.Name, Kind: "scalar", Type: scalars[f.Type], IsList: f.List, IsRequired: f.Required || f.List, Documentation: f.Description}
		switch {
		case f.Name == "_id":
			p.Name, p.Stored, p.IsID = "id", "_id", true
		case f.Type == ObjectID:
			p.NativeType = []any{"ObjectId", []any{}}
		case f.Type == Object:
			p.Kind, p.Type = "object", f.Model
		case f.Enum != nil:
			p.Kind, p.Type = "enum", f.Enum.Name
		}
		out = append(out, p)
	}
	return out
}

// prismaIndexes are a collection's indexes that Prisma can have.
func prismaIndexes(m model) []prismaIndex {
	id := prismaIndex{Model: m.Name, Type: "id"}
	id.Fields = append(id.Fields, struct{ Name, SortOrder string }{Name: "id"})
	out := []prismaIndex{id}
	for _, index := range m.Collection.Indexes {
		if index.Partial() != nil {
			continue
		}
		p := prismaIndex{Model: m.Name, Type: "normal", Name: index.Name}
		for _, key := range index.Keys {
			field := struct{ Name, SortOrder string }{Name: strings.TrimPrefix(key.Path, "_")}
			if key.Descending {
				field.SortOrder = "desc"
			}
			p.Fields = append(p.Fields, field)
		}
		out = append(out, p)
	}
	return out
}

// parser is a folder with Prisma's parser in it.
type parser string

// prismaParser installs Prisma's parser, once for a user.
func prismaParser(t *testing.T) parser {
	t.Helper()
	return parser(npmtest.Install(t, "prisma", filepath.Join("testdata", "prisma")))
}

// parse asks Prisma what it makes of a schema.
func (p parser) parse(t *testing.T, schema []byte) prismaAnswer {
	t.Helper()
	var stderr bytes.Buffer
	node := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "prisma", "check.js"))
	node.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(string(p), "node_modules"))
	node.Stdin, node.Stderr = bytes.NewReader(schema), &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	var answer prismaAnswer
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
