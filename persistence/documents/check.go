package documents

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// Check implements persistence.Fields: documents of the collection never have a field that
// is not declared, except within free values, counts and IDs. Collections into which other
// programs insert documents may have any field.
func (c Collection) Check(path string) error {
	if len(c.Fields) == 0 || c.Tolerant || path == finality.Field && finality.Of(c.Name) {
		return nil
	}
	at, list := Field{Fields: c.Fields}, false
	for name := range strings.SplitSeq(path, ".") {
		if at.Type == Free || at.Type == Counts || at.Type == AnyID {
			return nil
		}
		if _, err := strconv.ParseUint(name, 10, 16); list && err == nil {
			list = false
			continue // an element of the list
		}
		i := slices.IndexFunc(at.Fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("no field %.100q in %s%s", path, c.Name, c.alternatives(path))
		}
		at = at.Fields[i]
		list = at.List
	}
	return nil
}

// alternatives suggests the field that may have been meant by a path, or lists all fields.
func (c Collection) alternatives(path string) string {
	paths := c.paths()
	if hint := spelling.DidYouMean(path, paths); hint != "" {
		return hint
	}
	last := path[strings.LastIndexByte(path, '.')+1:]
	for _, p := range paths {
		if strings.HasSuffix(p, "."+last) {
			return " (did you mean " + p + "?)"
		}
	}
	names := make([]string, 0, len(c.Fields))
	for _, f := range c.Shown() {
		names = append(names, f.Name)
	}
	return ": its fields are " + strings.Join(names, ", ")
}

// paths returns the dotted paths of the fields that queries print.
func (c Collection) paths() []string {
	var out []string
	var add func(prefix string, fields []Field)
	add = func(prefix string, fields []Field) {
		for _, f := range fields {
			out = append(out, prefix+f.Name)
			add(prefix+f.Name+".", inJSON(f.Fields))
		}
	}
	add("", c.Shown())
	return out
}

// Spellings implements persistence.Fields. It returns an error for a text that the field's
// enum does not have. Addresses and hashes match in any spelling: in any case on EVM
// chains, with and without leading zeros on Aptos.
func (c Collection) Spellings(path, text string) ([]string, error) {
	f := c.At(path)
	if f.Enum != nil && !c.Tolerant && !slices.Contains(f.Enum.Values, text) {
		return nil, fmt.Errorf("%s is never %.100q%s: it is one of %s", path, text, spelling.DidYouMean(text, f.Enum.Values), strings.Join(f.Enum.Values, ", "))
	}
	out := []string{text}
	for _, spelling := range f.Form.spellings(text) {
		if !slices.Contains(out, spelling) {
			out = append(out, spelling)
		}
	}
	return out, nil
}

// ParseSort parses the fields by which to sort the documents of a collection, as
// persistence.ParseSort does. It returns an error if documents never have one of them.
func ParseSort(collection, text string) ([]persistence.SortKey, error) {
	keys, err := persistence.ParseSort(text)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.Path == finality.Field && finality.Of(collection) {
			return nil, fmt.Errorf("sort: cannot sort by %s, which is not stored: filter by it", finality.Field)
		}
		if err := Of(collection).Check(k.Path); err != nil {
			return nil, fmt.Errorf("sort: %w", err)
		}
	}
	return keys, nil
}
