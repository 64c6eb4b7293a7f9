package yamlfile

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/imart/event-worker/internal/spelling"
)

// Check reports all values that the schema does not allow. They count as missing from then
// on, so that all decoded values are valid.
func (f *File) Check() {
	f.root.dropEmpty()
	f.root.checkNames()
	if err, ok := errors.AsType[*jsonschema.ValidationError](f.schema.compiled.Validate(f.root.value())); ok {
		f.report(err)
	}
}

// dropEmpty drops named options without a value: they are not set.
func (n *Node) dropEmpty() {
	n.children = slices.DeleteFunc(n.children, func(c *Node) bool {
		c.dropEmpty()
		_, named := c.parts()
		return c.kind == null && named && !c.bad
	})
}

// checkNames reports names that do not match propertyNames: the validator's error does
// not say where they are.
func (n *Node) checkNames() {
	parts, _ := n.parts()
	for _, c := range n.children {
		for _, p := range parts {
			names, limited := p["propertyNames"].(part)
			if !limited {
				continue
			}
			if ok, err := regexp.MatchString(fmt.Sprint(names["pattern"]), c.name); err != nil || !ok {
				n.file.add(c, c.problem(c.key, fmt.Sprint(names["errorMessage"])))
				break
			}
		}
		c.checkNames()
	}
}

// report translates an error, or those below it.
func (f *File) report(err *jsonschema.ValidationError) {
	n := f.root
	for _, key := range err.InstanceLocation {
		if n = n.child(key); n == nil {
			return
		}
	}
	said := f.schema.at(err.SchemaURL)
	switch k := err.ErrorKind.(type) {
	case *kind.PropertyNames: // by checkNames
	case *kind.AdditionalProperties:
		properties, _ := said["properties"].(part)
		n.unknown(k.Properties, slices.Sorted(maps.Keys(properties)))
	case *kind.Required:
		for _, key := range k.Missing {
			properties, _ := said["properties"].(part)
			option, _ := properties[key].(part)
			f.add(n, n.problem(n.keyPlace(), fmt.Sprintf("%s is missing: %v", key, option["title"])))
		}
	case *kind.MinProperties, *kind.Not:
		n.fail(fmt.Sprint(said["errorMessage"]))
	case *kind.AnyOf:
		n.fail(n.wrong(k, said))
	default:
		if len(err.Causes) == 0 {
			n.fail(n.wrong(err.ErrorKind, said))
		}
		for _, cause := range err.Causes {
			f.report(cause)
		}
	}
}

// keyPlace is the place at which a missing option of a node is reported.
func (n *Node) keyPlace() place {
	if n.key == (place{}) {
		return n.at
	}
	return n.key
}

// fail reports a node once, and drops it.
func (n *Node) fail(text string) {
	if !n.bad {
		n.Add("%s", text)
	}
	n.bad = n.parent != nil
}

// maxUnknown is the number of unknown options in one place that are reported one by one.
const maxUnknown = 10

// unknown reports options of the node that are unknown, and drops them.
func (n *Node) unknown(names, known []string) {
	for i, c := range n.firstOf(names) {
		switch more := len(names) - i - 1; {
		case i < maxUnknown, i == maxUnknown && more == 0:
			c.Unknown(known)
		case i == maxUnknown:
			n.file.add(c, c.problem(c.key, fmt.Sprintf("unknown option, as are %d more here", more)))
		}
		c.bad = true
	}
}

// firstOf returns the first option of each of some names, in the file's order.
func (n *Node) firstOf(names []string) (all []*Node) {
	left := map[string]bool{}
	for _, name := range names {
		left[name] = true
	}
	for _, c := range n.children {
		if left[c.name] {
			all = append(all, c)
		}
		delete(left, c.name)
	}
	return all
}

// Unknown reports an unknown option.
func (n *Node) Unknown(known []string) {
	n.file.add(n, n.problem(n.key, fmt.Sprintf("unknown option%s: known here are %s", spelling.DidYouMean(n.name, known), strings.Join(known, ", "))))
	n.bad = true
}

// wrong describes the problem of a value.
func (n *Node) wrong(err jsonschema.ErrorKind, said part) string {
	message := n.message(said)
	allowed := types([]part{said})
	switch {
	case strings.HasPrefix(message, "expected"), n.kind != scalar && message != "" && (slices.Contains(allowed, "object") || slices.Contains(allowed, "array")):
		return message
	case n.kind != scalar && slices.Contains(allowed, "object"), n.kind == scalar && slices.Equal(allowed, []string{"object"}):
		return "has a single value where options are expected"
	case n.kind != scalar:
		return "expected a single value"
	case message != "" && (n.hidden() || n.file.schema.secrets && strings.ContainsAny(n.text, ":\n")): // perhaps the next lines', for want of a quote
		return message
	case message != "":
		return fmt.Sprintf("%q %s", n.text, message)
	case slices.Contains(allowed, "integer"):
		return fmt.Sprintf("%q is not an integer from %v to %v", n.text, said["minimum"], said["maximum"])
	}
	if e, ok := err.(*kind.Enum); ok {
		words := make([]string, len(e.Want))
		for i, want := range e.Want {
			words[i] = fmt.Sprint(want)
		}
		return fmt.Sprintf("unknown value %q%s: choose %s", n.text, spelling.DidYouMean(n.text, words), Either(words))
	}
	return fmt.Sprintf("%q is not valid here", n.text)
}

// message returns the schema's errorMessage for a value, beside its type or beside a
// reference to it.
func (n *Node) message(said part) string {
	parts, _ := n.parts()
	for _, p := range append([]part{said}, parts...) {
		if text, ok := p["errorMessage"].(string); ok && p["not"] == nil {
			return text
		}
	}
	return ""
}

// Either formats alternatives: a, b or c.
func Either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
