package faults

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/internal/yamlfile"
)

const maxFaults = 1000 // of a profile

// Problem is one error in a profile.
type Problem struct {
	File         string
	Line, Column int // from 1
	Text         string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems is the error of an invalid profile: all of its errors.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Parse parses a profile. file is its name in errors, which are Problems.
func Parse(file string, content []byte) (*Profile, error) {
	r := &reader{file: file, builtin: Builtin}
	root, err := r.root(content)
	if err != nil {
		return nil, err
	}
	p := r.profile(root)
	p.Name = file
	return p, r.err()
}

// reader collects the problems of a file.
type reader struct {
	file     string
	builtin  func(name string) (*Profile, bool)
	problems Problems
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.problems
}

func (r *reader) add(node ast.Node, format string, args ...any) {
	p := Problem{File: r.file, Line: 1, Column: 1, Text: fmt.Sprintf(format, args...)}
	if node != nil {
		if token := node.GetToken(); token != nil {
			p.Line, p.Column = token.Position.Line, token.Position.Column
		}
	}
	r.problems = append(r.problems, p)
}

// root returns the document's only node.
func (r *reader) root(content []byte) (ast.Node, error) {
	tokens, limit := yamlfile.Tokenize(r.file, content)
	if limit != nil {
		return nil, Problems{{r.file, limit.Line, limit.Column, limit.Text}}
	}
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p := Problem{r.file, 1, 1, "not valid YAML: " + strings.TrimSpace(err.Error())}
		if located, ok := errors.AsType[yaml.Error](err); ok {
			p.Text = "not valid YAML: " + located.GetMessage()
			if token := located.GetToken(); token != nil {
				p.Line, p.Column = token.Position.Line, token.Position.Column
			}
		}
		return nil, Problems{p}
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, Problems{{r.file, 1, 1, "expected one document with faults"}}
	}
	return parsed.Docs[0].Body, nil
}

// members returns the members of a mapping, without duplicates.
func (r *reader) members(node ast.Node) []*ast.MappingValueNode {
	var values []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	default:
		r.add(node, "expected options, such as fault: status")
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(values), func(v *ast.MappingValueNode) bool {
		key := keyOf(v)
		if seen[key] {
			r.add(v.Key, "%s is set twice", key)
			return true
		}
		seen[key] = true
		return false
	})
}

func keyOf(v *ast.MappingValueNode) string { return v.Key.GetToken().Value }

func (r *reader) profile(node ast.Node) *Profile {
	p := &Profile{}
	found := false
	for _, member := range r.members(node) {
		switch key := keyOf(member); key {
		case "name":
			p.Name, _ = r.text(member.Value)
		case "description":
			p.Description, _ = r.text(member.Value)
		case "faults":
			found = true
			p.Faults = r.faults(member.Value)
		default:
			known := []string{"description", "faults"}
			r.add(member.Key, "unknown option %q%s: known here are %s", key, spelling.DidYouMean(key, known), strings.Join(known, ", "))
		}
	}
	if !found && len(r.problems) == 0 {
		r.add(node, "expected faults: a list")
	}
	return p
}

func (r *reader) faults(node ast.Node) []Fault {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		r.add(node, "faults: expected a list")
		return nil
	}
	if len(sequence.Values) > maxFaults {
		r.add(node, "faults: at most %d", maxFaults)
		return nil
	}
	var out []Fault
	for _, item := range sequence.Values {
		if name, single := scalar(item); single {
			if f, ok := r.fault(item, name, nil); ok {
				out = append(out, f)
			}
			continue
		}
		out = append(out, r.item(item)...)
	}
	return out
}

// item parses a fault with parameters, or the faults of another profile.
func (r *reader) item(node ast.Node) []Fault {
	members := r.members(node)
	at := slices.IndexFunc(members, func(v *ast.MappingValueNode) bool { return keyOf(v) == "fault" || keyOf(v) == "profile" })
	if at < 0 {
		if len(members) > 0 {
			r.add(node, "expected fault: and a name, or profile: and a name")
		}
		return nil
	}
	first := members[at]
	rest := slices.Delete(slices.Clone(members), at, at+1)
	name, ok := r.text(first.Value)
	if !ok {
		return nil
	}
	if keyOf(first) == "fault" {
		if f, ok := r.fault(first.Value, name, rest); ok {
			return []Fault{f}
		}
		return nil
	}
	for _, member := range rest {
		r.add(member.Key, "a profile has no parameter %q", keyOf(member))
	}
	p, ok := r.builtin(name)
	if !ok {
		r.add(first.Value, "unknown profile %q%s", name, spelling.DidYouMean(name, ProfileNames()))
		return nil
	}
	return p.Faults
}

func (r *reader) fault(node ast.Node, name string, members []*ast.MappingValueNode) (Fault, bool) {
	k, ok := kind(name)
	if !ok {
		var names []string
		for _, k := range Kinds() {
			names = append(names, k.Name)
		}
		r.add(node, "unknown fault %q%s: --list prints all", name, spelling.DidYouMean(name, names))
		return Fault{}, false
	}
	known := k.parameters()
	f := Fault{Name: name, Params: map[string]any{}}
	for _, member := range members {
		key := keyOf(member)
		i := slices.IndexFunc(known, func(p Param) bool { return p.Name == key })
		if i < 0 {
			names := make([]string, len(known))
			for j, p := range known {
				names[j] = p.Name
			}
			r.add(member.Key, "%s has no parameter %q%s: known are %s", name, key, spelling.DidYouMean(key, names), strings.Join(names, ", "))
			continue
		}
		if v, ok := r.value(known[i], member.Value); ok {
			f.Params[key] = v
		}
	}
	return f, true
}

// value parses the value of a parameter.
func (r *reader) value(p Param, node ast.Node) (any, bool) {
	switch p.Type {
	case typeWords, typeNumbers:
		return r.values(p, node)
	}
	text, ok := r.text(node)
	if !ok {
		return nil, false
	}
	v, problem := p.read(text)
	if problem != "" {
		r.add(node, "%s: %s", p.Name, problem)
		return nil, false
	}
	return v, true
}

func (r *reader) values(p Param, node ast.Node) (any, bool) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		r.add(node, "%s: expected a list", p.Name)
		return nil, false
	}
	one := p
	one.Type = map[string]string{typeWords: typeWord, typeNumbers: typeNumber}[p.Type]
	var words []string
	var numbers []int64
	for _, item := range sequence.Values {
		v, ok := r.value(one, item)
		if !ok {
			return nil, false
		}
		switch v := v.(type) {
		case string:
			words = append(words, v)
		case int64:
			numbers = append(numbers, v)
		}
	}
	if p.Type == typeNumbers {
		return numbers, true
	}
	return words, true
}

// read parses a single value, or describes its problem.
func (p Param) read(text string) (v any, problem string) {
	v = text
	switch p.Type {
	case typeNumber:
		digits, base := strings.ReplaceAll(text, "_", ""), 10
		if hex, ok := strings.CutPrefix(digits, "0x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseInt(digits, base, 64)
		if err != nil {
			return nil, fmt.Sprintf("%q: want a whole number that is not negative", text)
		}
		v = n
	case typeFraction:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Sprintf("%q: want a number from 0 to 1", text)
		}
		v = f
	case typeDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Sprintf("%q: want a duration of at most 24h, such as 500ms, 5s or 1m30s", text)
		}
		v = d
	}
	return v, p.problem(v)
}

func (r *reader) text(node ast.Node) (string, bool) {
	text, ok := scalar(node)
	if !ok {
		r.add(node, "expected a single value")
	}
	return text, ok
}

// scalar returns the text of a node with a single value.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(node.Value.Value), true
	case *ast.NullNode:
		return "null", true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}
