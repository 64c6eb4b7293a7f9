package definition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets/definition/internal/expression"
)

// reader reads one file and collects what is wrong.
type reader struct {
	file     string
	problems Problems
	warnings []Problem
	anchors  anchors
}

// anchors are the values that stand behind &names.
type anchors map[string]ast.Node

// Visit is of ast.Visitor.
func (a anchors) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		a[anchor.Name.GetToken().Value] = anchor.Value
	}
	return a
}

// resolve is a value itself where a name stands for it.
func (a anchors) resolve(node ast.Node) ast.Node {
	for range 8 { // names of names
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			node = a[n.Value.GetToken().Value]
		default:
			return node
		}
	}
	return nil
}

// node is a value in the file.
type node struct {
	*reader
	path string // streams.buy
	at   *token.Position
	ast  ast.Node
}

// section is a node with fields by name.
type section struct {
	node
	fields []named
	known  []string // the fields asked for so far
}

type named struct {
	key  string
	name *token.Position // of the key
	node
}

func (n node) problem(text string) Problem {
	p := Problem{File: n.file, Line: 1, Column: 1, Text: strings.TrimPrefix(n.path+": "+text, ": ")}
	if n.at != nil {
		p.Line, p.Column = n.at.Line, n.at.Column
	}
	return p
}

// add notes what is wrong with the node.
func (n node) add(format string, args ...any) {
	n.problems = append(n.problems, n.problem(fmt.Sprintf(format, args...)))
	n.reader.problems = n.problems
}

// warn notes what is probably wrong with the node.
func (n node) warn(format string, args ...any) {
	n.reader.warnings = append(n.reader.warnings, n.problem(fmt.Sprintf(format, args...)))
}

// fail notes an error, at its place in the node if it has one.
func (n node) fail(err error) {
	p := n.problem(err.Error())
	if m, ok := errors.AsType[expression.CompileError](err); ok && n.ast != nil {
		t := n.ast.GetToken()
		if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
			p.Column++
		}
		p.Column += m.Column
	}
	n.reader.problems = append(n.reader.problems, p)
}

// parse reads a file's one document.
func (r *reader) parse(text []byte) (node, bool) {
	top := node{reader: r}
	parsed, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if located, ok := errors.AsType[yaml.Error](err); ok {
			if t := located.GetToken(); t != nil {
				top.at = t.Position
			}
			err = errors.New(located.GetMessage())
		}
		top.add("no YAML: %v", err)
		return top, false
	}
	r.anchors = anchors{}
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			ast.Walk(r.anchors, doc.Body)
		}
		switch {
		case doc.Body == nil:
		case top.ast == nil:
			top.ast = doc.Body
		default:
			node{reader: r, at: doc.Body.GetToken().Position}.add("a second document: put everything into one")
		}
	}
	if top.ast == nil {
		top.add("the file is empty")
	}
	return top, top.ast != nil
}

// section is the node's fields; none, and a problem, if it has no names.
func (n node) section() *section {
	s := &section{node: n}
	switch node := n.ast.(type) {
	case *ast.MappingNode:
		for _, pair := range node.Values {
			s.enter(pair)
		}
	case *ast.MappingValueNode:
		s.enter(node)
	default:
		n.add("expected names and values")
	}
	return s
}

func (s *section) enter(pair *ast.MappingValueNode) {
	key := pair.Key.GetToken()
	child := node{reader: s.reader, path: strings.TrimPrefix(s.path+"."+key.Value, "."), at: key.Position, ast: s.anchors.resolve(pair.Value)}
	if _, null := child.ast.(*ast.NullNode); null {
		child.ast = nil
	} else if _, ok := child.scalar(); ok {
		child.at = child.ast.GetToken().Position
	}
	if _, twice := s.find(key.Value); twice {
		child.add("stands here twice")
		return
	}
	s.fields = append(s.fields, named{key.Value, key.Position, child})
}

func (s *section) find(key string) (node, bool) {
	i := slices.IndexFunc(s.fields, func(f named) bool { return f.key == key })
	if i < 0 {
		return node{}, false
	}
	return s.fields[i].node, true
}

// field is a field's value; false, and the section's place, if it is missing.
func (s *section) field(key string) (node, bool) {
	s.known = append(s.known, key)
	n, ok := s.find(key)
	if !ok {
		n = s.node
		n.path, n.ast = strings.TrimPrefix(s.path+"."+key, "."), nil
	}
	return n, n.ast != nil
}

// needed is a field that must be there.
func (s *section) needed(key, what string) (node, bool) {
	n, ok := s.field(key)
	if !ok {
		s.add("%s is missing: %s", key, what)
	}
	return n, ok
}

// text is a field's text, and "" if it is missing.
func (s *section) text(key string) (node, string) {
	n, ok := s.field(key)
	if !ok {
		return n, ""
	}
	return n, n.text()
}

// word is a field's text, one of several.
func (s *section) word(key string, of ...string) (node, string) {
	n, text := s.text(key)
	if text != "" && !slices.Contains(of, text) {
		n.add("unknown word %q%s: there are %s", text, spelling.DidYouMean(text, of), strings.Join(of, ", "))
		return n, ""
	}
	return n, text
}

// number is a field's whole number, from 0 to most.
func (s *section) number(key string, most int64) int64 {
	n, text := s.text(key)
	if text == "" {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 || v > most {
		n.add("%q is no whole number from 0 to %d", text, most)
		return 0
	}
	return v
}

// flag is a field that is true or false.
func (s *section) flag(key string) bool {
	_, text := s.word(key, "true", "false")
	return text == "true"
}

// done reports the fields that nobody has asked for.
func (s *section) done() {
	for _, f := range s.fields {
		if !slices.Contains(s.known, f.key) {
			known := slices.Compact(slices.Sorted(slices.Values(s.known)))
			f.at = f.name
			f.add("unknown field%s: there are %s", spelling.DidYouMean(f.key, known), strings.Join(known, ", "))
		}
	}
}

// scalar is the text of a node that is a single value.
func (n node) scalar() (string, bool) {
	switch node := n.ast.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(node.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

func (n node) text() string {
	text, ok := n.scalar()
	if !ok {
		n.add("expected a single value")
	}
	return text
}

// list is the elements of a list; a node that is none is its one element.
func (n node) list() []node {
	sequence, ok := n.ast.(*ast.SequenceNode)
	if !ok {
		return []node{n}
	}
	var out []node
	for i, value := range sequence.Values {
		out = append(out, node{n.reader, fmt.Sprintf("%s[%d]", n.path, i), value.GetToken().Position, n.anchors.resolve(value)})
	}
	return out
}
