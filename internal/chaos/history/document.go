package history

import (
	"maps"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// document is a document's fields.
type document map[string]bson.RawValue

// after returns the document after a change.
func (d document) after(c Change) (document, error) {
	after := maps.Clone(d)
	if after == nil || c.Whole {
		after = document{}
	}
	for _, field := range c.Unset {
		delete(after, field)
	}
	fields, err := c.Set.Elements()
	for _, f := range fields {
		after[f.Key()] = f.Value()
	}
	return after, err
}

// number returns a field's integer, 0 if it has none.
func (d document) number(field string) int64 {
	n, _ := d[field].AsInt64OK()
	return n
}

func (d document) text(field string) string {
	s, _ := d[field].StringValueOK()
	return s
}

func (d document) has(field string) bool {
	_, ok := d[field]
	return ok
}

// commit returns the actor's last commit.
func (d document) commit() bson.ObjectID {
	id, _ := d["commit"].ObjectIDOK()
	return id
}

// place is an actor's position.
type place struct {
	seq     int64
	hash    string
	through int64
}

func (d document) place() place {
	return place{d.number("seq"), d.text("hash"), d.number("through")}
}
