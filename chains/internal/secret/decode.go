package secret

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLayers is how many nested encodings are undone, as of JSON within JSON.
const maxLayers = 3

// maxSteps bounds the work on one text: a thousand backslashes can be read in too many ways.
const maxSteps = 1 << 18

// decoded is a text with the values that each place of it may stand for.
type decoded struct {
	text  string
	units [][]unit // by place
	after []bool   // by place: something that is neither a letter nor a digit may end here
	steps int      // done by match
}

// unit is a piece of a text, up to end, and a value that it may stand for.
type unit struct {
	value string
	end   int
}

// decode reads a text.
func decode(text string) *decoded {
	d := &decoded{text: text, units: make([][]unit, len(text)), after: make([]bool, len(text)+1)}
	var encoded []int // where encodings may begin
	plain := make([]unit, len(text))
	for i := range len(text) {
		plain[i] = unit{text[i : i+1], i + 1}
		d.units[i] = plain[i : i+1 : i+1]
		if strings.IndexByte(`%\&+`, text[i]) >= 0 {
			encoded = append(encoded, i)
		}
	}
	for range maxLayers {
		next := make([][]unit, len(encoded))
		for n, i := range encoded {
			next[n] = d.through(i)
		}
		for n, i := range encoded {
			d.units[i] = next[n]
		}
	}
	d.after[0] = true
	for _, units := range d.units {
		for i, u := range units {
			if !isWordByte(u.value[len(u.value)-1]) {
				d.after[u.end] = true
			}
			units[i].value = lower(u.value)
		}
	}
	return d
}

// through returns what may be at i with one more encoding undone.
func (d *decoded) through(i int) []unit {
	units := slices.Clone(d.units[i])
	add := func(value string, end int) {
		if u := (unit{value, end}); value != "" && !slices.Contains(units, u) {
			units = append(units, u)
		}
	}
	for _, u := range d.units[i] {
		switch u.value {
		case "%":
			if v, end, ok := d.number(u.end, 2, 16); ok {
				add(string([]byte{byte(v)}), end)
			}
		case "+":
			add(" ", u.end)
		case `\`:
			d.backslash(u.end, add)
		case "&":
			d.entity(u.end, add)
		}
	}
	return units
}

// backslash reads what follows a backslash, in the ways of Go, JSON, JavaScript and C.
func (d *decoded) backslash(at int, add func(string, int)) {
	c, next := d.char(at)
	switch c {
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		add("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c):][:1], next)
	case 'x', 'X':
		if v, end, ok := d.number(next, 2, 16); ok {
			add(string([]byte{byte(v)}), end)
			add(string(rune(v)), end)
		}
	case 'u', 'U':
		d.unicode(next, add)
	}
	if v, end, ok := d.number(at, 3, 8); ok && v < 256 {
		add(string([]byte{byte(v)}), end)
	}
	for _, u := range d.at(at) {
		if len(u.value) == 1 && u.value[0] < utf8.RuneSelf && !isWordByte(u.value[0]) {
			add(u.value, u.end)
		}
	}
}

// unicode reads what follows \u or \U.
func (d *decoded) unicode(at int, add func(string, int)) {
	if v, end, ok := d.number(at, 8, 16); ok && v <= unicode.MaxRune {
		add(string(rune(v)), end)
	}
	if c, next := d.char(at); c == '{' {
		for digits := 1; digits <= 6; digits++ {
			v, end, ok := d.number(next, digits, 16)
			if c, last := d.char(end); ok && c == '}' {
				add(string(rune(v)), last)
			}
		}
	}
	v, end, ok := d.number(at, 4, 16)
	if !ok {
		return
	}
	if !utf16.IsSurrogate(rune(v)) {
		add(string(rune(v)), end)
		return
	}
	for _, u := range d.at(end) {
		if c, next := d.char(u.end); u.value == `\` && c == 'u' {
			if low, end, ok := d.number(next, 4, 16); ok {
				add(string(utf16.DecodeRune(rune(v), rune(low))), end)
			}
		}
	}
}

// entity reads what follows an ampersand, in the way of HTML.
func (d *decoded) entity(at int, add func(string, int)) {
	const longest = 10
	for name := "&"; len(name) < longest && at < len(d.text); {
		c, next := d.char(at)
		name, at = name+string([]byte{c}), next
		if c != ';' {
			continue
		}
		if value := html.UnescapeString(name); value != name {
			add(value, at)
		}
		return
	}
}

// number reads a number of so many digits.
func (d *decoded) number(at, digits, base int) (v uint64, end int, ok bool) {
	text := make([]byte, digits)
	for i := range text {
		text[i], at = d.char(at)
	}
	v, err := strconv.ParseUint(string(text), base, 32)
	return v, at, err == nil
}

// char is the character of an escape at i: decoded as far as it can be, as neither
// letters nor digits of an escape can begin another one. It is 0 behind the end.
func (d *decoded) char(i int) (c byte, end int) {
	end = i
	for _, u := range d.at(i) {
		if len(u.value) == 1 && u.end > end {
			c, end = u.value[0], u.end
		}
	}
	return c, end
}

func (d *decoded) at(i int) []unit {
	if i < len(d.units) {
		return d.units[i]
	}
	return nil
}

// match is how many bytes of a secret are at i at most, and where they end.
func (d *decoded) match(secret string, i int) (n, end int) {
	type state struct{ n, at int }
	end = i
	todo, seen := []state{{0, i}}, map[state]bool(nil)
	for len(todo) > 0 && d.steps < maxSteps {
		d.steps++
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.n > n || s.n == n && s.at > end {
			n, end = s.n, s.at
		}
		units := d.at(s.at)
		if len(units) > 1 {
			if seen[s] {
				continue
			}
			if seen == nil {
				seen = map[state]bool{}
			}
			seen[s] = true
		}
		for _, u := range units {
			if strings.HasPrefix(secret[s.n:], u.value) {
				todo = append(todo, state{s.n + len(u.value), u.end})
			}
		}
	}
	return n, end
}

// startsWord says whether a word may begin at i.
func (d *decoded) startsWord(i int) bool { return d.after[i] }

// endsWord says whether a word may end at i.
func (d *decoded) endsWord(i int) bool {
	return i == len(d.text) || slices.ContainsFunc(d.units[i], func(u unit) bool { return !isWordByte(u.value[0]) })
}

// isWordByte says whether a byte belongs to a word. Letters beyond ASCII do not, so that too
// much is a word of its own rather than too little.
func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
