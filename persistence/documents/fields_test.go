package documents

import (
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

type (
	inner struct {
		Name  string `bson:"name"` // hidden by outer's
		Deep  int64  `bson:"deep,omitempty"`
		Other string `bson:"-"`
	}
	outer struct {
		inner `bson:",inline"`
		Name  int32    `bson:"name"`
		Place *inner   `bson:"place,omitempty"`
		List  []inner  `bson:"list,omitempty"`
		Data  SortForm `bson:"data" json:"-"`
	}
)

func TestFieldsOfStructs(t *testing.T) {
	var got []string
	for _, f := range fields(reflect.TypeFor[outer]()) {
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
	for _, m := range models() {
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
	for key, text := range descriptions() {
		if !said[text] {
			t.Errorf("%s describes nothing", key)
		}
	}
}

// The paths of indexes are fields.
func TestIndexesAreOfFields(t *testing.T) {
	for _, c := range Collections() {
		for _, index := range c.Indexes {
			for _, key := range index.Keys {
				if !hasPath(c.Fields, key.Path) {
					t.Errorf("%s %s: no field %s", c.Name, index.Name, key.Path)
				}
			}
			if index.Exists != "" && !hasPath(c.Fields, index.Exists) {
				t.Errorf("%s %s: no field %s", c.Name, index.Name, index.Exists)
			}
		}
	}
}

func hasPath(fields []Field, path string) bool {
	name, rest, nested := strings.Cut(path, ".")
	for _, f := range fields {
		if f.Name == name {
			return !nested || hasPath(f.Fields, rest)
		}
	}
	return false
}
