package yamlfile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// start is the beginning of an option or an item.
type start struct {
	place
	text   string // the key, or the item
	isKey  bool
	hidden bool // its value is a secret, or the option is not known
}

// starts returns the starts of all options and items in some nodes, by place.
func starts(roots []*Node) []start {
	var all []start
	var collect func(n *Node, hidden bool)
	collect = func(n *Node, hidden bool) {
		for _, c := range n.children {
			unread := c.bad && c.kind == null // with a tag, say
			s := start{place: c.at, text: c.text, hidden: hidden || unread || c.hidden()}
			if s.isKey = c.key != (place{}); s.isKey {
				s.place, s.text = c.key, c.name
			}
			all = append(all, s)
			collect(c, s.hidden)
		}
	}
	for _, root := range roots {
		collect(root, false)
	}
	slices.SortStableFunc(all, func(a, b start) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	return all
}

// knownKey matches a line that begins with an option.
var knownKey = regexp.MustCompile(`^\s*(?:- +)?([A-Za-z]+)\s*:`)

// shown returns the number of characters of a line that may be shown. A file without
// secrets is shown in full. Otherwise a value is shown if it belongs to a known option and
// no secret precedes it on its line. Of a file that is not YAML, only the names of known
// options are shown.
func (f *File) shown(line int, runes []rune, all []start) int {
	if !f.schema.secrets {
		return len(runes)
	}
	if f.broken {
		found := knownKey.FindStringSubmatchIndex(string(runes))
		if found == nil || !f.schema.names[string(runes)[found[2]:found[3]]] {
			return 0
		}
		return len([]rune(string(runes)[:found[1]]))
	}
	end := len(runes)
	if comment := strings.Index(string(runes), " #"); comment >= 0 {
		end = len([]rune(string(runes)[:comment]))
	}
	before := start{}
	for _, s := range all {
		if s.line == line && s.hidden {
			from := min(len(runes), s.column-1)
			rest := string(runes[from:])
			switch {
			case s.isKey && strings.HasPrefix(rest, s.text+":"):
				return from + len([]rune(s.text)) + 1
			case !s.isKey && strings.HasPrefix(strings.TrimLeft(rest, `"'`), s.text):
				return from
			}
			return 0
		}
		if s.line < line {
			before = s
		} else if s.line == line && before.hidden && strings.Trim(string(runes[:min(len(runes), s.column-1)]), " -") != "" {
			return 0 // a secret continues from the line before
		}
	}
	if !slices.ContainsFunc(all, func(s start) bool { return s.line == line }) {
		return 0
	}
	return end
}

const maxShown = 120 // characters

// snippet returns a source line and a line with a caret below a column; empty if nothing of
// the line may be shown.
func (f *File) snippet(at place, all []start) string {
	if at.line > len(f.lines) {
		return ""
	}
	runes := []rune(strings.TrimRight(f.lines[at.line-1], "\r"))
	caret, end := min(at.column-1, len(runes)), f.shown(at.line, runes, all)
	if end == 0 && len(runes) > 0 || len(runes) == 0 {
		return ""
	}
	text := []rune(strings.TrimRight(string(runes[:end]), " "))
	if end = len(text); end < len(runes) {
		text = append(slices.Clone(text), []rune(" …")...)
		caret = min(caret, end+1)
	}
	if from := caret - maxShown*2/3; from > 0 {
		text = append([]rune("…"), text[from:]...)
		caret -= from - 1
	}
	if len(text) > maxShown {
		text = append(text[:maxShown:maxShown], '…')
	}
	line := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, string(text))
	return fmt.Sprintf("\n%5d | %s\n      | %s^", at.line, line, strings.Repeat(" ", caret))
}
