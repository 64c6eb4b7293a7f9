package documents

import (
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// ParseFilter parses a user's filter on the documents of a collection, as
// persistence.ParseFilter does. It returns an error if documents never have a field that
// the filter names, or a text that it compares with an enum. Addresses and hashes match in
// any spelling.
func ParseFilter(collection, text string) (persistence.Filter, error) {
	return persistence.ParseFilter(text, Of(collection))
}

// Kind is how a filter reads the operands of the field at a path.
func (c Collection) Kind(path string) persistence.FieldKind {
	switch c.At(path).Type {
	case Amount:
		return persistence.AmountField
	case Date:
		return persistence.DateField
	}
	return persistence.PlainField
}

// At is the field at a dotted path; one without a type if none is declared there.
func (c Collection) At(path string) Field {
	f := Field{Fields: c.Fields}
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(f.Fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return Field{}
		}
		f = f.Fields[i]
	}
	return f
}

// List splits a path at the first declared list on it: "bundle" and "quantity" of
// bundle.quantity. Both are empty if there is no list on the path.
func (c Collection) List(path string) (list, rest string) {
	for end := range prefixes(path) {
		if c.At(path[:end]).List {
			return path[:end], strings.TrimPrefix(path[end:], ".")
		}
	}
	return "", ""
}

// MayBeList says whether a document may have a list at a path: where one is declared,
// and anywhere in free values.
func (c Collection) MayBeList(path string) bool {
	for end := range prefixes(path) {
		if c.At(path[:end]).Type == Free {
			return true
		}
	}
	return c.At(path).List
}

// prefixes yields the lengths of a dotted path's prefixes, from the first name to the
// whole.
func prefixes(path string) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i, c := range path {
			if c == '.' && !yield(i) {
				return
			}
		}
		yield(len(path))
	}
}

// Shown are the fields of the collection's documents as queries print them.
func (c Collection) Shown() []Field {
	shown := inJSON(c.Fields)
	if finality.Of(c.Name) {
		shown = append(shown, Field{
			Name: finality.Field, Type: Bool,
			Description: "Whether no reorganisation can take back what the document says; told by queries, and not stored.",
		})
	}
	return shown
}

func inJSON(fields []Field) []Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return f.MongoOnly })
}
