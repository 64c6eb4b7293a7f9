package persistence

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal is a value of relaxed JSON and its position.
type literal struct {
	kind     literalKind
	at       int    // byte in the text, from 0
	text     string // of a scalar; strings are unquoted
	elements []literal
	members  []member
}

// member is one member of an object.
type member struct {
	name  string
	at    int
	value literal
}

type literalKind string

const (
	null    literalKind = "null"
	boolean literalKind = "a boolean"
	number  literalKind = "a number"
	str     literalKind = "a string"
	array   literalKind = "a list"
	object  literalKind = "a document"
)

func (v literal) describe() string { return string(v.kind) }

func (v literal) errorf(format string, args ...any) error { return errorAt(v.at, format, args...) }

func (m member) errorf(format string, args ...any) error { return errorAt(m.at, format, args...) }

func errorAt(at int, format string, args ...any) error {
	return fmt.Errorf("at character %d: %s", at+1, fmt.Sprintf(format, args...))
}

// operators reports whether the literal is an object of operators.
func (v literal) operators() bool {
	if _, date := v.date(); date || v.kind != object {
		return false
	}
	for _, m := range v.members {
		if strings.HasPrefix(m.name, "$") {
			return true
		}
	}
	return false
}

// date returns the date in {"$date": …}, MongoDB's notation for dates.
func (v literal) date() (literal, bool) {
	if v.kind == object && len(v.members) == 1 && v.members[0].name == "$date" {
		return v.members[0].value, true
	}
	return literal{}, false
}

// parseLiteral parses a text that consists of one literal.
func parseLiteral(text string) (literal, error) {
	p := parser{text: text}
	v, err := p.value(0)
	if err != nil {
		return v, err
	}
	if p.space(); p.at < len(text) {
		return v, p.unexpected("the end")
	}
	return v, nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) space() {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeft(p.text[p.at:], " \t\r\n"))
}

// next returns the next byte that is not white space, 0 at the end.
func (p *parser) next() byte {
	if p.space(); p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// accept consumes the next byte if it is c.
func (p *parser) accept(c byte) bool {
	if p.next() != c || p.at == len(p.text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) unexpected(instead string) error {
	found := "the end"
	if p.space(); p.at < len(p.text) {
		r, _ := utf8.DecodeRuneInString(p.text[p.at:])
		found = strconv.QuoteRune(r)
	}
	return errorAt(p.at, "%s where %s was expected", found, instead)
}

func (p *parser) value(depth int) (literal, error) {
	if depth > maxFilterDepth {
		return literal{}, errorAt(p.at, "nested deeper than %d", maxFilterDepth)
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"' || c == '\'':
		v := literal{kind: str, at: p.at}
		var err error
		v.text, err = p.quoted()
		return v, err
	}
	return p.bare()
}

func (p *parser) object(depth int) (literal, error) {
	v := literal{kind: object, at: p.at}
	p.at++
	for !p.accept('}') {
		if len(v.members) > 0 && !p.accept(',') {
			return v, p.unexpected("',' or '}'")
		}
		m, err := p.member(depth)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, m)
	}
	return v, nil
}

func (p *parser) member(depth int) (m member, err error) {
	switch c := p.next(); {
	case c == '"' || c == '\'':
		m.at = p.at
		m.name, err = p.quoted()
	default:
		m.at = p.at
		if m.name = p.word(); m.name == "" {
			err = p.unexpected("a field's name")
		}
	}
	if err != nil {
		return m, err
	}
	if !p.accept(':') {
		return m, p.unexpected("':'")
	}
	m.value, err = p.value(depth + 1)
	return m, err
}

func (p *parser) array(depth int) (literal, error) {
	v := literal{kind: array, at: p.at}
	p.at++
	for !p.accept(']') {
		if len(v.elements) > 0 && !p.accept(',') {
			return v, p.unexpected("',' or ']'")
		}
		e, err := p.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.elements = append(v.elements, e)
	}
	return v, nil
}

// quoted parses a string in double or single quotes, with JSON's escapes.
func (p *parser) quoted() (out string, err error) {
	start, quote := p.at, p.text[p.at]
	var body strings.Builder // as JSON has it in double quotes
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == quote:
			p.at++
			if err := json.Unmarshal([]byte(`"`+body.String()+`"`), &out); err != nil {
				return "", errorAt(start, "a string with a bad escape or a control character")
			}
			return out, nil
		case c == '"':
			body.WriteString(`\"`)
		case c == '\\' && strings.HasPrefix(p.text[p.at+1:], "'"):
			body.WriteByte('\'')
			p.at++
		case c == '\\' && p.at+1 < len(p.text):
			body.WriteString(p.text[p.at : p.at+2])
			p.at++
		default:
			body.WriteByte(c)
		}
	}
	return "", errorAt(start, "a string without its closing %c", quote)
}

// word reads letters, digits and the other characters of names and numbers.
func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && wordByte(p.text[p.at]) {
		p.at++
	}
	return p.text[start:p.at]
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_$.+-", c) >= 0
}

// bare parses a number, true, false or null.
func (p *parser) bare() (literal, error) {
	p.space()
	v := literal{at: p.at}
	switch v.text = p.word(); v.text {
	case "":
		return v, p.unexpected("a value")
	case "null":
		v.kind = null
	case "true", "false":
		v.kind = boolean
	default:
		v.kind = number
		if !jsonNumber(v.text) {
			return v, v.errorf("%.100q is not a value: strings need quotes", v.text)
		}
	}
	return v, nil
}

// jsonNumber reports whether a word is a valid JSON number.
func jsonNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || s[0] < '0' || s[0] > '9' || strings.ContainsAny(s, "xXpP_iInN") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
