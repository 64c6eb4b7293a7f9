package documents

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

type (
	inner struct {
		Name  string `bson:"name" json:"name"` // hidden by outer's
		Deep  int64  `bson:"deep,omitempty" json:"deep,omitempty"`
		Other string `bson:"-"`
	}
	outer struct {
		inner `bson:",inline"`
		Name  int32    `bson:"name" json:"name"`
		Place *inner   `bson:"place,omitempty" json:"place,omitempty"`
		List  []inner  `bson:"list,omitempty" json:"list,omitempty"`
		Data  SortForm `bson:"data" json:"-"`
	}
)

func TestFieldsOfStructs(t *testing.T) {
	var got []string
	for _, f := range fieldsOf(reflect.TypeFor[outer](), nil) {
		text := f.Name + " " + string(f.Type)
		for _, flag := range []struct {
			set  bool
			word string
		}{{f.List, "list"}, {f.Required, "required"}, {f.MongoOnly, "mongo"}} {
			if flag.set {
				text += " " + flag.word
			}
		}
		for _, within := range f.Fields {
			text += " " + within.Name
		}
		got = append(got, text)
	}
	const want = "name int required; deep long; place object name deep; list object list name deep; data binData required mongo"
	if strings.Join(got, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "; "), want)
	}
}

// Where one name is in several structs, our documents have the field that the driver
// writes.
func TestTheShallowerFieldIsWritten(t *testing.T) {
	raw, err := bson.Marshal(outer{inner: inner{Name: "hidden"}, Name: 7})
	if err != nil {
		t.Fatal(err)
	}
	if got := bson.Raw(raw).Lookup("name").Int32(); got != 7 {
		t.Errorf("name is %d", got)
	}
}

// Every field says what it is, and nothing is said of fields that don't exist.
func TestDescriptions(t *testing.T) {
	said := map[string]bool{}
	for _, m := range modelsOf(Collections()) {
		if c := m.Collection; c != nil && (!strings.HasSuffix(c.Description, ".") || c.Model == "") {
			t.Errorf("%s: %q", c.Name, c.Description)
		}
		for _, f := range m.Fields {
			if !strings.HasSuffix(f.Description, ".") {
				t.Errorf("%s.%s: %q", m.Name, f.Name, f.Description)
			}
			said[f.Description] = true
		}
	}
	for name, line := range everywhere {
		if !said[line.doc] {
			t.Errorf("%s is nowhere", name)
		}
	}
	for _, d := range declarations() {
		saysOnlyOf(t, d.document, d.lines)
	}
	for part, lines := range parts {
		saysOnlyOf(t, part, lines)
	}
}

// saysOnlyOf expects lines to be of fields of a type.
func saysOnlyOf(t *testing.T, document reflect.Type, lines lines) {
	t.Helper()
	fields := fieldsOf(document, lines)
	for name, line := range lines {
		if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name && f.Description == line.doc }) {
			t.Errorf("%s has no field %s", document, name)
		}
	}
}

// The paths of indexes are fields.
func TestIndexesAreOfFields(t *testing.T) {
	for _, c := range Collections() {
		for _, index := range c.Indexes {
			for _, key := range index.Keys {
				if c.At(key.Path).Type == "" {
					t.Errorf("%s %s: no field %s", c.Name, index.Name, key.Path)
				}
			}
			if index.Exists != "" && c.At(index.Exists).Type == "" {
				t.Errorf("%s %s: no field %s", c.Name, index.Name, index.Exists)
			}
		}
	}
}
