package yamlfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// File is a file that was read, and its problems.
type File struct {
	// Overrides are the environment variables that override options.
	Overrides []string
	// Warnings are problems that do not prevent the use of the file.
	Warnings []Problem

	name   string
	lines  []string
	schema *Schema
	root   *Node
	docs   []*Node // root, and others, which a file must not have
	broken bool    // not YAML

	problems Problems
	paths    [][]string // of problems
}

// ReadFile reads a file for Parse. It reads at most as much as Parse accepts, and a little
// more.
func ReadFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// Parse parses a text of one document. Problems refer to it by name.
func Parse(schema *Schema, name string, text []byte) *File {
	f := &File{name: name, schema: schema}
	f.root = &Node{file: f, kind: mapping, at: place{1, 1}}
	tokens, limit := bounded(text)
	if limit != nil {
		f.syntax(limit.at, limit.reason)
		return f
	}
	f.lines = strings.Split(string(text), "\n")
	parsed, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f.syntax(describe(err))
		return f
	}
	b := builder{file: f, anchors: anchors{}}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		ast.Walk(b.anchors, doc.Body)
		f.docs = append(f.docs, b.node(doc.Body, &Node{}, 0))
	}
	if len(f.docs) > 0 {
		f.root = f.docs[0]
	}
	for _, second := range f.docs[min(1, len(f.docs)):] {
		second.Add("a second document: put everything into one")
	}
	if f.root.kind == null {
		f.root.kind = mapping
	}
	return f
}

// Root returns the document; an empty one if the file could not be parsed.
func (f *File) Root() *Node { return f.root }

// Err returns all reported problems as Problems; nil if there are none.
func (f *File) Err() error { return f.ErrOf(func([]string) bool { return true }) }

// ErrOf is Err for the problems of some options, selected by their keys. Problems of the
// file as a whole are always included.
func (f *File) ErrOf(option func(keys []string) bool) error {
	var ps Problems
	for i, p := range f.problems {
		if len(f.paths[i]) == 0 || option(f.paths[i]) {
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 {
		return nil
	}
	ps.Sort()
	all := starts(f.docs)
	for i, p := range ps[:min(len(ps), maxProblems)] {
		if p.File == f.name && p.Env == "" {
			ps[i].snippet = f.snippet(place{p.Line, p.Column}, all)
		}
	}
	return ps
}

// Readable reports whether the file could be parsed as YAML.
func (f *File) Readable() bool { return !f.broken }

func (f *File) add(n *Node, p Problem) {
	var path []string
	for ; n.parent != nil; n = n.parent {
		path = append([]string{n.name}, path...)
	}
	f.problems, f.paths = append(f.problems, p), append(f.paths, path)
}

func (f *File) syntax(at place, text string) {
	f.broken = true
	f.add(f.root, f.root.problem(at, text))
}

// describe returns the place and the text of a parser's error.
func describe(err error) (place, string) {
	located, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return place{1, 1}, "not valid YAML"
	}
	text := located.GetMessage()
	for said, help := range map[string]string{
		"\t":                                   "a tab: indent with spaces",
		"tab character":                        "a tab: indent with spaces",
		"could not find end character of":      "the closing quote is missing",
		"value is not allowed in this context": "check the indentation, and put quotes around a text with ': ' in it",
		"non-map value is specified":           "expected an option and a colon here",
	} {
		if strings.Contains(text, said) {
			return placeOf(located.GetToken()), "not valid YAML: " + help
		}
	}
	return placeOf(located.GetToken()), "not valid YAML: " + text
}

type anchors map[string]ast.Node

// Visit implements ast.Visitor.
func (a anchors) Visit(n ast.Node) ast.Visitor {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		a[anchor.Name.GetToken().Value] = anchor.Value
	}
	return a
}

// maxNodes bounds the expansion of aliases.
const maxNodes = maxTokens

// builder converts the parser's nodes, and expands aliases.
type builder struct {
	file    *File
	anchors anchors
	nodes   int
}

// node converts a value that replaces another node, whose name, key and parent it takes
// over.
func (b *builder) node(from ast.Node, as *Node, depth int) *Node {
	n := &Node{file: b.file, parent: as.parent, name: as.name, key: as.key, at: placeOf(from.GetToken())}
	if b.nodes++; depth > 2*maxDepth || b.nodes > maxNodes {
		if b.nodes <= maxNodes+1 {
			b.nodes = maxNodes + 1
			b.file.syntax(n.at, "aliases (*name) stand for too much, or for themselves")
		}
		return n
	}
	switch from := from.(type) {
	case *ast.AnchorNode:
		return b.node(from.Value, n, depth+1)
	case *ast.AliasNode:
		if value := b.anchors[from.Value.GetToken().Value]; value != nil {
			return b.node(value, n, depth+1)
		}
		b.refuse(n, "nothing is called &"+from.Value.GetToken().Value)
	case *ast.MappingNode:
		n.kind = mapping
		for _, pair := range from.Values {
			b.enter(n, pair, depth)
		}
		if len(from.Values) > 0 && !from.IsFlowStyle {
			n.at = placeOf(from.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		n.kind, n.at = mapping, placeOf(from.Key.GetToken())
		b.enter(n, from, depth)
	case *ast.SequenceNode:
		n.kind = list
		for i, value := range from.Values {
			n.children = append(n.children, b.node(value, &Node{parent: n, name: strconv.Itoa(i)}, depth+1))
		}
	case *ast.TagNode:
		b.refuse(n, "a tag such as !!str is not understood: take it out")
	case *ast.LiteralNode:
		n.kind, n.text = scalar, strings.TrimSpace(from.Value.Value)
	case *ast.StringNode:
		n.kind, n.text = scalar, from.Value
		n.quoted = from.Token.Type == token.SingleQuoteType || from.Token.Type == token.DoubleQuoteType
	case *ast.NullNode:
	case ast.ScalarNode:
		n.kind, n.text = scalar, from.GetToken().Value
	}
	return n
}

func (b *builder) refuse(n *Node, text string) {
	b.file.add(n, n.problem(n.at, text))
	n.bad = true
}

// enter adds an option to a mapping.
func (b *builder) enter(to *Node, pair *ast.MappingValueNode, depth int) {
	key := pair.Key.GetToken()
	c := b.node(pair.Value, &Node{parent: to, name: key.Value, key: placeOf(key)}, depth+1)
	if before := to.child(c.name); before != nil {
		c.at = c.key
		b.refuse(c, fmt.Sprintf("is already set in line %d", before.key.line))
	}
	to.children = append(to.children, c)
}
