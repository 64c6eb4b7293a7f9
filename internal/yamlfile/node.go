package yamlfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type nodeKind int

const (
	null nodeKind = iota
	scalar
	list
	mapping
)

// Node is a value in a file. A nil Node is a missing value: it has no text, items or
// options.
type Node struct {
	file     *File
	kind     nodeKind
	text     string // of a scalar
	quoted   bool
	name     string // the key, or the number in a list
	key, at  place  // key is 0 in lists
	env      string // the variable that it came from
	parent   *Node
	children []*Node // items, or options by name
	bad      bool    // its problem is reported: it counts as missing

	said  []part // what the schema says of it, once that was asked
	named bool   // the schema has the option's name
}

// Name is the node's key, or its number in a list.
func (n *Node) Name() string { return n.name }

// Line is the line of the node, from 1.
func (n *Node) Line() int { return n.place().line }

// Env is the environment variable that sets the node; empty if the file does.
func (n *Node) Env() string {
	if n == nil {
		return ""
	}
	return n.env
}

// place is where problems of the node are reported: a single value itself, or the key.
func (n *Node) place() place {
	if n.kind == scalar || n.key == (place{}) {
		return n.at
	}
	return n.key
}

// Path is the option's full name, such as chains.ethereum.poll.
func (n *Node) Path() string {
	switch {
	case n.parent == nil:
		return ""
	case n.parent.kind == list:
		i, _ := strconv.Atoi(n.name)
		return n.parent.Path() + n.file.schema.item(i)
	}
	return strings.TrimPrefix(n.parent.Path()+"."+n.name, ".")
}

// Child returns an option of the node; nil if it is missing or has a problem.
func (n *Node) Child(key string) *Node {
	if c := n.child(key); c != nil && !c.bad {
		return c
	}
	return nil
}

func (n *Node) child(key string) *Node {
	if n == nil || n.kind != mapping && n.kind != list {
		return nil
	}
	if n.kind == list {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.children) {
			return n.children[i]
		}
		return nil
	}
	if i := slices.IndexFunc(n.children, func(c *Node) bool { return c.name == key }); i >= 0 {
		return n.children[i]
	}
	return nil
}

// Has reports whether an option is set, even to an invalid value.
func (n *Node) Has(key string) bool { return n.child(key) != nil }

// Children returns the node's options or items, in the file's order.
func (n *Node) Children() []*Node {
	if n == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(n.children), func(c *Node) bool { return c.bad })
}

// List returns the items of a list. A node that is not a list is its own only item.
func (n *Node) List() []*Node {
	if n == nil || n.kind == list {
		return n.Children()
	}
	return []*Node{n}
}

// IsText reports whether a node is a single value.
func (n *Node) IsText() bool { return n != nil && n.kind == scalar }

// IsList reports whether a node is a list.
func (n *Node) IsList() bool { return n != nil && n.kind == list }

// IsEmpty reports whether a list or mapping has no items, not even invalid ones.
func (n *Node) IsEmpty() bool { return n != nil && len(n.children) == 0 }

// Text returns a single value as it is written, without quotes.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	return n.text
}

// Split returns a node as a list: the parts of a text that are separated by commas.
func (n *Node) Split(text string) *Node {
	split := *n
	split.kind, split.children = list, nil
	for word := range strings.SplitSeq(text, ",") {
		name := strconv.Itoa(len(split.children))
		split.children = append(split.children, &Node{file: n.file, kind: scalar, text: strings.TrimSpace(word), name: name, at: n.at, env: n.env, parent: &split})
	}
	return &split
}

// Texts returns the texts of the node's items.
func (n *Node) Texts() (all []string) {
	for _, c := range n.List() {
		all = append(all, c.text)
	}
	return all
}

// Add reports a problem of the node.
func (n *Node) Add(format string, args ...any) {
	n.file.add(n, n.problem(n.place(), fmt.Sprintf(format, args...)))
}

// Warn reports a warning about the node.
func (n *Node) Warn(format string, args ...any) {
	n.file.Warnings = append(n.file.Warnings, n.problem(n.place(), fmt.Sprintf(format, args...)))
}

// Drop drops an option that the schema no longer has, with a warning if it is set.
func (n *Node) Drop(key, text string) {
	if c := n.child(key); c != nil {
		c.Warn("%s", text)
		n.children = slices.DeleteFunc(n.children, func(c *Node) bool { return c.name == key })
	}
}

// Rename renames an option that the schema used to have under another name, with a warning
// if that is set. If both names are set, it does nothing.
func (n *Node) Rename(key, to string) {
	if c := n.child(key); c != nil && n.child(to) == nil {
		c.Warn("is now called %s", to)
		c.name = to
	}
}

// AddAll reports problems of another file that the node names.
func (n *Node) AddAll(ps Problems) {
	for _, p := range ps {
		n.file.add(n, p)
	}
}

// AddAt reports a problem at an offset in the node's text, in characters.
func (n *Node) AddAt(offset int, err error) {
	at := n.place()
	if at.column += offset; n.quoted {
		at.column++
	}
	n.file.add(n, n.problem(at, err.Error()))
}

func (n *Node) problem(at place, text string) Problem {
	return Problem{
		File: n.file.name, Line: max(1, at.line), Column: max(1, at.column), Env: n.env,
		Text: strings.TrimPrefix(n.Path()+": "+text, ": "), check: n.file.schema.check,
	}
}

var number = regexp.MustCompile(`^[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?$`)

// value returns the node for the validator. Quotes make no difference, because environment
// variables have none.
func (n *Node) value() any {
	switch n.kind {
	case scalar:
		switch {
		case n.text == "true", n.text == "false":
			return n.text == "true"
		case number.MatchString(n.text):
			return json.Number(strings.TrimPrefix(strings.TrimSuffix(n.text, "."), "+"))
		}
		return n.text
	case list:
		values := make([]any, len(n.children))
		for i, c := range n.children {
			values[i] = c.value()
		}
		return values
	case mapping:
		values := map[string]any{}
		for _, c := range n.children {
			if _, twice := values[c.name]; !twice {
				values[c.name] = c.value()
			}
		}
		return values
	}
	return nil
}
