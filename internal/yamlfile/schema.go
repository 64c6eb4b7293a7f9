package yamlfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema describes the options of a file. It is a JSON Schema with these annotations:
//
//	title         describes a required option that is missing
//	errorMessage  describes the problem of an invalid value; editors show it too
//	writeOnly     marks a single value as a secret
type Schema struct {
	compiled *jsonschema.Schema
	raw      part
	secrets  bool            // some options are
	names    map[string]bool // of all options
	check    string
	item     func(i int) string
}

// Options of a schema.
type Options struct {
	// Check is the command that shows all problems of a file.
	Check string
	// Item formats item i of a list in the full name of an option; [i] if nil.
	Item func(i int) string
	// Formats are the formats that the schema names, of single values as they are written.
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
			case string, json.Number, bool:
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
	s.raw, _ = doc.(part)
	s.collect(doc)
	return s, nil
}

// collect finds the names of options and whether any is secret.
func (s *Schema) collect(v any) {
	switch v := v.(type) {
	case part:
		s.secrets = s.secrets || v["writeOnly"] == true
		properties, _ := v["properties"].(part)
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

var unescape = strings.NewReplacer("~1", "/", "~0", "~", "%24", "$")

// at returns the part of the schema that a URL of the compiled schema refers to.
func (s *Schema) at(url string) part {
	_, pointer, _ := strings.Cut(url, "#")
	var v any = s.raw
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = unescape.Replace(step)
		switch in := v.(type) {
		case part:
			v = in[step]
		case []any:
			if i, err := strconv.Atoi(step); err == nil && i < len(in) {
				v = in[i]
			}
		}
	}
	found, _ := v.(part)
	return found
}

// part is a part of the schema.
type part = map[string]any

// parts appends a part and all parts that it refers to, including conditional ones.
func (s *Schema) parts(to []part, v any) []part {
	of, ok := v.(part)
	if !ok || slices.ContainsFunc(to, func(other part) bool {
		return reflect.ValueOf(other).UnsafePointer() == reflect.ValueOf(of).UnsafePointer()
	}) {
		return to
	}
	to = append(to, of)
	if ref, ok := of["$ref"].(string); ok {
		to = s.parts(to, s.at(ref))
	}
	branches, _ := of["allOf"].([]any)
	for _, branch := range append(branches, of["then"], of["else"]) {
		to = s.parts(to, branch)
	}
	return to
}

// parts returns the parts of the schema for a node. named reports whether the schema names
// its option.
func (n *Node) parts() (of []part, named bool) {
	if n.said == nil && n.parent == nil {
		n.said, n.named = n.file.schema.parts(nil, n.file.schema.raw), true
	} else if n.said == nil {
		n.said = []part{}
		parent, _ := n.parent.parts()
		for _, p := range parent {
			properties, _ := p["properties"].(part)
			if option, ok := properties[n.name]; ok {
				n.said, n.named = n.file.schema.parts(n.said, option), true
				continue
			}
			n.said = n.file.schema.parts(n.file.schema.parts(n.said, p["additionalProperties"]), p["items"])
		}
	}
	return n.said, n.named
}

// hidden reports whether the value must not be shown: a secret, or the value of an unknown
// option, which may be a secret with a misspelt name.
func (n *Node) hidden() bool {
	of, _ := n.parts()
	allowed := types(of)
	sections := len(allowed) > 0 && !slices.ContainsFunc(allowed, func(t string) bool { return t != "object" && t != "array" && t != "null" })
	secret := slices.ContainsFunc(of, func(p part) bool { return p["writeOnly"] == true })
	return len(of) == 0 || n.kind == scalar && (secret || sections)
}

// types returns the types that parts allow.
func types(parts []part) (all []string) {
	for _, p := range parts {
		switch t := p["type"].(type) {
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
