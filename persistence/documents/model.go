package documents

import "slices"

// model is a kind of document: of a collection, or within others.
type model struct {
	Name       string
	Collection *Collection // nil within others
	Fields     []Field
}

// models are the models of all collections, and then those within them.
func models() []model {
	var out []model
	for _, c := range Collections() {
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
