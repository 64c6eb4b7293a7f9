package documents

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
)

// Version is the version of the database's schema. Raise it with every change of
// the collections, their indexes or their validators: a database of an older version
// is brought up to date when it is opened.
const Version = 9

// Collection is one collection of the database.
type Collection struct {
	Name        string
	Model       string // what one of its documents is called
	Description string // one sentence
	Fields      []Field
	Indexes     []Index
	// Tolerant: others insert documents too. The server lets one that was invalid before
	// there was a validator be updated all the same.
	Tolerant bool
}

// Index is an index of a collection.
type Index struct {
	Name string
	Keys []Key
	// Exists is the path of a field without which documents are not in the index; the
	// empty path leaves none out. Queries for a value of the field use the index all
	// the same.
	Exists string
	// Open leaves all orders out but those whose status is LISTING, which queries have to
	// ask for: the orders that were closed over the years cost neither space nor writes.
	Open bool
	// Keep is how long the server keeps documents after the date in the index's field;
	// 0 means for ever.
	Keep time.Duration
}

// Partial is the filter of the documents that are in the index, nil if all are.
func (i Index) Partial() bson.D {
	var filter bson.D
	if i.Exists != "" {
		filter = append(filter, bson.E{Key: i.Exists, Value: bson.D{{Key: "$exists", Value: true}}})
	}
	if i.Open {
		filter = append(filter, bson.E{Key: "status", Value: markets.Listing})
	}
	return filter
}

// Key is a part of an index.
type Key struct {
	Path       string // dotted
	Descending bool
}

// Collections are the collections of the database. They are shared: do not change them.
func Collections() []Collection { return declared() }

// Of is the collection of a name; one without fields if there is none.
func Of(name string) Collection {
	for _, c := range declared() {
		if c.Name == name {
			return c
		}
	}
	return Collection{Name: name}
}

var declared = sync.OnceValue(func() []Collection {
	var out []Collection
	for _, d := range declarations() {
		out = append(out, d.collection())
	}
	return out
})

// declaration is the single declaration of a collection: the Go type of its documents,
// and what the type's tags cannot express.
type declaration struct {
	name        string
	document    reflect.Type
	description string
	lines       lines
	indexes     []Index
	tolerant    bool
}

// lines are declarations of fields, by the fields' names.
type lines map[string]line

// line declares what a field's struct tag cannot express: a description for people who
// have never seen the code, the values of an enum (nil: any value), and the form of texts.
type line struct {
	doc    string
	values *Enum
	form   Form
}

func (d declaration) collection() Collection {
	return Collection{Name: d.name, Model: d.document.Name(), Description: d.description, Fields: fieldsOf(d.document, d.lines), Indexes: d.indexes, Tolerant: d.tolerant}
}

// enum returns a named set of values.
func enum[T ~string](name string, values ...T) *Enum {
	e := Enum{Name: name}
	for _, v := range values {
		e.Values = append(e.Values, string(v))
	}
	return &e
}

// keys are an index's keys, with '-' in front downwards.
func keys(paths ...string) []Key {
	out := make([]Key, len(paths))
	for i, path := range paths {
		out[i] = Key{Path: path}
		if path[0] == '-' {
			out[i] = Key{Path: path[1:], Descending: true}
		}
	}
	return out
}

// model is a kind of document: of a collection, or within others.
type model struct {
	Name       string
	Collection *Collection // nil within others
	Fields     []Field
}

// modelsOf are the models of collections, and then those within them.
func modelsOf(collections []Collection) []model {
	var out []model
	for _, c := range collections {
		out = append(out, model{Name: c.Model, Collection: &c, Fields: c.Fields})
	}
	for i := 0; i < len(out); i++ { // out grows
		for _, f := range out[i].Fields {
			known := slices.ContainsFunc(out, func(m model) bool { return m.Name == f.Model })
			if f.Type == Object && !known {
				out = append(out, model{Name: f.Model, Fields: f.Fields})
			}
		}
	}
	return out
}

// enums are the sets of values that fields have.
func enums(models []model) []*Enum {
	var out []*Enum
	for _, m := range models {
		for _, f := range m.Fields {
			if f.Enum != nil && !slices.ContainsFunc(out, func(e *Enum) bool { return e.Name == f.Enum.Name }) {
				out = append(out, f.Enum)
			}
		}
	}
	return out
}
