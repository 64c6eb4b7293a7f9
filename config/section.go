package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/markets/definition"
)

// reader reads one file under one environment and collects what is wrong.
type reader struct {
	file     string
	env      map[string]string
	used     map[string]bool // the variables of options, and whether they override one
	problems Problems

	removedOptions []string
	// definitions are the markets that there are.
	definitions []*definition.Definition
}

// section is a part of the file with options by name. An option may stand in the
// environment alone, and then its section need not be in the file.
type section struct {
	*reader
	path    string // chains.ethereum
	line    int
	entries []entry
	known   []string // the options asked for so far
}

// entry is an option as it stands in the file.
type entry struct {
	key  string
	line int
	node ast.Node
}

// value is a value and where it came from.
type value struct {
	text string
	line int
	env  string
}

func (r *reader) add(v value, option, format string, args ...any) {
	text := option + ": " + fmt.Sprintf(format, args...)
	r.problems = append(r.problems, Problem{File: r.file, Line: v.line, Env: v.env, Text: strings.TrimPrefix(text, ": ")})
}

// open makes a section of a node.
func (r *reader) open(path string, line int, node ast.Node) *section {
	s := &section{reader: r, path: path, line: line}
	switch node := node.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		for _, pair := range node.Values {
			s.enter(pair)
		}
	case *ast.MappingValueNode:
		s.enter(node)
	default:
		r.add(value{line: line}, path, "has a single value where options are expected")
	}
	return s
}

func (s *section) enter(pair *ast.MappingValueNode) {
	token := pair.Key.GetToken()
	e := entry{key: token.Value, line: token.Position.Line, node: pair.Value}
	if before, twice := s.entry(e.key); twice {
		s.add(value{line: e.line}, s.option(e.key), "is already set in line %d", before.line)
		return
	}
	s.entries = append(s.entries, e)
}

func (s *section) entry(key string) (entry, bool) {
	i := slices.IndexFunc(s.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return entry{}, false
	}
	return s.entries[i], true
}

// option is an option's full name.
func (s *section) option(key string) string { return strings.TrimPrefix(s.path+"."+key, ".") }

// envPrefix begins the names of all variables that override options.
const envPrefix = "EVENT_WORKER_"

// envName is the variable that overrides an option: EVENT_WORKER_ and the option's
// full name in capitals, with an underscore for whatever is no letter or digit and
// before the capitals that it had.
func envName(option string) string {
	var b strings.Builder
	b.WriteString(envPrefix)
	for _, r := range option {
		switch {
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(r)
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// override is what the environment says about an option.
func (s *section) override(key string) (value, bool) {
	name := envName(s.option(key))
	text, ok := s.env[name]
	if !ok || text == "" {
		return value{}, false
	}
	s.used[name] = true
	return value{text: text, line: s.line, env: name}, true
}

// has says whether an option is set, and where.
func (s *section) has(key string) (value, bool) {
	s.known = append(s.known, key)
	if v, ok := s.override(key); ok {
		return v, true
	}
	e, ok := s.entry(key)
	if !ok {
		return value{line: s.line}, false
	}
	_, null := e.node.(*ast.NullNode)
	return value{line: e.line}, !null
}

// removed notes where an option is set that there is no more. That is no problem: one
// configuration can serve nodes of both versions while they are replaced.
func (s *section) removed(key, word string) {
	note := func(v value) {
		p := Problem{File: s.file, Line: v.line, Env: v.env, Text: s.option(key) + ": " + word}
		s.removedOptions = append(s.removedOptions, p.String())
	}
	if v, set := s.override(key); set {
		s.used[v.env] = false
		note(v)
	}
	if e, set := s.entry(key); set {
		s.entries = slices.DeleteFunc(s.entries, func(o entry) bool { return o.key == key })
		note(value{line: e.line})
	}
}

// value is a single value; false if it is missing or none.
func (s *section) value(key string) (value, bool) {
	v, ok := s.has(key)
	if !ok || v.env != "" {
		return v, ok
	}
	e, _ := s.entry(key)
	v.text, ok = scalar(e.node)
	if !ok {
		s.add(v, s.option(key), "expected a single value")
	}
	return v, ok
}

// scalar is the text of a node that is a single value.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(node.Value.Value), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

func (s *section) text(key, otherwise string) string {
	if v, ok := s.value(key); ok {
		return v.text
	}
	return otherwise
}

// choice is one of several words.
func (s *section) choice(key, otherwise string, of ...string) string {
	v, ok := s.value(key)
	if !ok {
		return otherwise
	}
	if !slices.Contains(of, v.text) {
		s.add(v, s.option(key), "unknown value %q%s: choose %s", v.text, spelling.DidYouMean(v.text, of), either(of))
		return otherwise
	}
	return v.text
}

// number is a whole number from least to most.
func (s *section) number(key string, otherwise, least, most int64) int64 {
	v, ok := s.value(key)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < least || n > most {
		s.add(v, s.option(key), "%q is no whole number from %d to %d", v.text, least, most)
		return otherwise
	}
	return n
}

// sizes are the units of a number of bytes.
var sizes = map[string]float64{
	"": 1, "B": 1,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

// bytes is a number of bytes, which may have a unit.
func (s *section) bytes(key string, otherwise, least, most int64) int64 {
	v, ok := s.value(key)
	if !ok {
		return otherwise
	}
	digits := strings.TrimRight(v.text, "BKMGTibkmgt ")
	unit, known := sizes[strings.ToUpper(strings.TrimSpace(v.text[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	if size := n * unit; err == nil && known && size >= float64(least) && size <= float64(most) {
		return int64(size)
	}
	s.add(v, s.option(key), "%q is not a valid size: write it like 96MiB, 128MB or 0.5GiB, from %s to %s", v.text, Size(least), Size(most))
	return otherwise
}

// Size is a size as a person writes it.
func Size(size int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	at := 0
	for size >= 1<<10 && size%(1<<10) == 0 && at < len(units)-1 {
		size, at = size>>10, at+1
	}
	return fmt.Sprintf("%d%s", size, units[at])
}

// duration is a positive duration.
func (s *section) duration(key string, otherwise time.Duration) time.Duration {
	const least, most = 10 * time.Millisecond, 24 * time.Hour
	v, ok := s.value(key)
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(v.text)
	if err != nil || d < least || d > most {
		s.add(v, s.option(key), "%q is no duration from %s to %s: write it like 500ms, 5s or 1m30s", v.text, least, most)
		return otherwise
	}
	return d
}

// list is a list of single values, in the environment with commas between them.
func (s *section) list(key string) []value {
	v, ok := s.has(key)
	if !ok {
		return nil
	}
	if v.env != "" {
		var out []value
		for word := range strings.SplitSeq(v.text, ",") {
			out = append(out, value{text: strings.TrimSpace(word), line: v.line, env: v.env})
		}
		return out
	}
	e, _ := s.entry(key)
	sequence, ok := e.node.(*ast.SequenceNode)
	if !ok {
		s.add(v, s.option(key), "expected a list like [list, buy]")
		return nil
	}
	var out []value
	for _, node := range sequence.Values {
		item := value{line: node.GetToken().Position.Line}
		if item.text, ok = scalar(node); !ok {
			s.add(item, s.option(key), "expected single values in the list")
			continue
		}
		out = append(out, item)
	}
	return out
}

// child is a section within the section; an empty one if it is missing.
func (s *section) child(key string) *section {
	s.known = append(s.known, key)
	e, ok := s.entry(key)
	if !ok {
		e = entry{line: s.line}
	}
	return s.open(s.option(key), e.line, e.node)
}

// children are the sections in a section, by their names.
func (s *section) children() (names []string, sections []*section) {
	for _, e := range s.entries {
		s.known = append(s.known, e.key)
		names = append(names, e.key)
		sections = append(sections, s.open(s.option(e.key), e.line, e.node))
	}
	return names, sections
}

// done reports the options that nobody has asked for.
func (s *section) done() {
	for _, e := range s.entries {
		if !slices.Contains(s.known, e.key) {
			known := slices.Compact(slices.Sorted(slices.Values(s.known)))
			s.add(value{line: e.line}, s.option(e.key), "unknown option%s: known here are %s", spelling.DidYouMean(e.key, known), strings.Join(known, ", "))
		}
	}
}

// either lists words to choose from.
func either(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
