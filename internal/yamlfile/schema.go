package yamlfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema says which options a file has: a JSON Schema, with these annotations.
//
//	title         what is missing where a required option is
//	errorMessage  what is wrong with another value; editors show it too
//	writeOnly     a single value is a secret
type Schema struct {
	compiled *jsonschema.Schema
	raw      map[string]any
	secrets  bool            // some options are
	names    map[string]bool // of all options
	check    string
	item     func(i int) string
}

// Options of a schema.
type Options struct {
	// Check is the command that shows all problems of a file.
	Check string
	// Item is how the full name of an option shows the item i of a list; [i] if nil.
	Item func(i int) string
	// Formats are the formats of texts that the schema names, and of numbers as they are
	// written.
	Formats map[string]func(text string) bool
}

var errFormat = errors.New("not of the format")

// NewSchema compiles a JSON Schema.
func NewSchema(text []byte, options Options) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s := &Schema{check: options.Check, item: options.Item, names: map[string]bool{}}
	if s.item == nil {
		s.item = func(i int) string { return fmt.Sprintf("[%d]", i) }
	}
	const url = "file:///schema.json"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name, valid := range options.Formats {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			switch value.(type) {
			case string, json.Number:
				if !valid(fmt.Sprint(value)) {
					return errFormat
				}
			}
			return nil
		}})
	}
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if s.compiled, err = c.Compile(url); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	s.raw, _ = doc.(map[string]any)
	s.collect(doc)
	return s, nil
}

// collect finds the names of options and whether any is secret.
func (s *Schema) collect(v any) {
	switch v := v.(type) {
	case map[string]any:
		s.secrets = s.secrets || v["writeOnly"] == true
		properties, _ := v["properties"].(map[string]any)
		for name := range properties {
			s.names[name] = true
		}
		for _, sub := range v {
			s.collect(sub)
		}
	case []any:
		for _, sub := range v {
			s.collect(sub)
		}
	}
}

// at is the part of the schema that a URL of the compiled one points to.
func (s *Schema) at(url string) map[string]any {
	_, pointer, _ := strings.Cut(url, "#")
	var v any = s.raw
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~", "%24", "$").Replace(step)
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				v = in[i]
			}
		}
	}
	found, _ := v.(map[string]any)
	return found
}

// parts are a part of the schema and what it refers to, in all cases.
func (s *Schema) parts(of map[string]any) (all []map[string]any) {
	if of == nil {
		return nil
	}
	all = append(all, of)
	if ref, ok := of["$ref"].(string); ok {
		all = append(all, s.parts(s.at(ref))...)
	}
	for _, key := range []string{"then", "else"} {
		if sub, ok := of[key].(map[string]any); ok {
			all = append(all, s.parts(sub)...)
		}
	}
	branches, _ := of["allOf"].([]any)
	for _, branch := range branches {
		if sub, ok := branch.(map[string]any); ok {
			all = append(all, s.parts(sub)...)
		}
	}
	return all
}

// option is what parts say of an option or an item. named: the option is named there.
func (s *Schema) option(parts []map[string]any, key string) (of []map[string]any, named bool) {
	for _, part := range parts {
		properties, _ := part["properties"].(map[string]any)
		if sub, ok := properties[key].(map[string]any); ok {
			of, named = append(of, s.parts(sub)...), true
			continue
		}
		for _, other := range []string{"additionalProperties", "items"} {
			if sub, ok := part[other].(map[string]any); ok {
				of = append(of, s.parts(sub)...)
			}
		}
	}
	return of, named
}

// parts are what the schema says of a node.
func (n *Node) parts() (of []map[string]any, named bool) {
	if n.parent == nil {
		return n.file.schema.parts(n.file.schema.raw), true
	}
	parent, _ := n.parent.parts()
	return n.file.schema.option(parent, n.name)
}

// hidden says whether the value may not be shown: a secret, or what is not expected
// there, perhaps a secret whose option is misspelt.
func (n *Node) hidden() bool {
	of, _ := n.parts()
	allowed := types(of)
	sections := len(allowed) > 0 && !slices.ContainsFunc(allowed, func(t string) bool { return t != "object" && t != "array" && t != "null" })
	secret := slices.ContainsFunc(of, func(part map[string]any) bool { return part["writeOnly"] == true })
	return len(of) == 0 || n.kind == scalar && (secret || sections)
}

// types are the types that parts allow.
func types(parts []map[string]any) (all []string) {
	for _, part := range parts {
		switch t := part["type"].(type) {
		case string:
			all = append(all, t)
		case []any:
			for _, t := range t {
				all = append(all, fmt.Sprint(t))
			}
		}
	}
	return all
}
