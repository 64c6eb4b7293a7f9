package docs_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// call is one call of mongosh on a collection, such as
// db.orders.find({…}).sort({…}).limit(3).
type call struct {
	collection string
	methods    []method
}

type method struct {
	name string
	args []any
}

// parseCall reads a call, which may itself call the page's helpers.
func parseCall(text string, helpers []string) (c call, err error) {
	p := parser{text: strings.TrimSuffix(strings.TrimSpace(text), ";"), helpers: helpers}
	defer p.recover(&err)
	p.expect("db")
	p.expect(".")
	c.collection = p.name()
	for p.peek() != 0 {
		p.expect(".")
		c.methods = append(c.methods, method{p.name(), p.arguments()})
	}
	return c, nil
}

// parseValue reads a value as mongosh prints and takes it: BSON as the driver
// decodes it.
func parseValue(text string) (v any, err error) {
	p := parser{text: text}
	defer p.recover(&err)
	v = p.value()
	if p.peek() != 0 {
		p.failf("more than one value")
	}
	return v, nil
}

// parser reads the part of JavaScript that queries and their answers are made of.
// Its methods panic with a syntaxError.
type parser struct {
	text      string
	at        int
	helpers   []string       // functions that return a value
	variables map[string]any // the arguments of the helper that is read
}

type syntaxError string

func (p *parser) failf(format string, args ...any) {
	rest := p.text[p.at:]
	panic(syntaxError(fmt.Sprintf("%s at %.20q", fmt.Sprintf(format, args...), rest)))
}

func (p *parser) recover(err *error) {
	switch reason := recover().(type) {
	case nil:
	case syntaxError:
		*err = fmt.Errorf("no mongosh that this test knows: %s", string(reason))
	default:
		panic(reason)
	}
}

// peek is the next byte that is no space, 0 at the end.
func (p *parser) peek() byte {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], " \t\r\n"))
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) take(token string) bool {
	p.peek()
	taken := strings.HasPrefix(p.text[p.at:], token)
	if taken {
		p.at += len(token)
	}
	return taken
}

func (p *parser) expect(token string) {
	if !p.take(token) {
		p.failf("no %q", token)
	}
}

// while takes the bytes that are in a set.
func (p *parser) while(set string) string {
	p.peek()
	rest := p.text[p.at:]
	n := len(rest) - len(strings.TrimLeft(rest, set))
	p.at += n
	return rest[:n]
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"
)

func (p *parser) name() string {
	name := p.while(letters + digits)
	if name == "" {
		p.failf("no name")
	}
	return name
}

func (p *parser) value() any {
	switch c := p.peek(); {
	case c == '{':
		return p.document()
	case c == '[':
		p.expect("[")
		return bson.A(p.list("]"))
	case c == '"' || c == '\'':
		return p.quoted()
	case c == '-' || strings.IndexByte(digits, c) >= 0:
		return p.number()
	}
	return p.word()
}

func (p *parser) document() bson.D {
	d := bson.D{}
	p.expect("{")
	for !p.take("}") {
		if len(d) > 0 {
			p.expect(",")
			if p.take("}") {
				break
			}
		}
		var e bson.E
		if c := p.peek(); c == '"' || c == '\'' {
			e.Key = p.quoted()
		} else {
			e.Key = p.name()
		}
		p.expect(":")
		e.Value = p.value()
		d = append(d, e)
	}
	return d
}

// list reads values up to what ends them.
func (p *parser) list(end string) []any {
	var values []any
	for !p.take(end) {
		if len(values) > 0 {
			p.expect(",")
			if p.take(end) {
				break
			}
		}
		values = append(values, p.value())
	}
	return values
}

func (p *parser) arguments() []any {
	p.expect("(")
	return p.list(")")
}

// quoted reads a string without escapes, which no query needs.
func (p *parser) quoted() string {
	quote := p.text[p.at : p.at+1]
	p.at++
	body, _, closed := strings.Cut(p.text[p.at:], quote)
	if !closed || strings.ContainsAny(body, "\\\n") {
		p.failf("a string that does not end or has escapes")
	}
	p.at += len(body) + 1
	return body
}

// number reads a number as mongosh sends it: a whole one as 32 bits if they hold it.
func (p *parser) number() any {
	text := p.while(digits + "-+.e")
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.failf("%q is not a number", text)
	}
	if n == math.Trunc(n) && math.Abs(n) <= math.MaxInt32 {
		return int32(n)
	}
	return n
}

// word reads a constant or the call of a constructor.
func (p *parser) word() any {
	name := p.while(letters + digits + ".")
	switch name {
	case "null":
		return nil
	case "true", "false":
		return name == "true"
	case "new":
		return p.word()
	}
	if v, ok := p.variables[name]; ok {
		return v
	}
	args := p.arguments()
	if v, ok := p.help(name, args); ok {
		return v
	}
	v, err := construct(name, args)
	if err != nil {
		p.failf("%s(%v): %v", name, args, err)
	}
	return v
}

// help calls a helper whose body is "return" and a value. (That of amount is another, and
// construct knows it.)
func (p *parser) help(name string, args []any) (v any, ok bool) {
	for _, text := range p.helpers {
		h := parser{text: text, helpers: p.helpers, variables: map[string]any{}}
		h.expect("function")
		if h.name() != name || name == "amount" {
			continue
		}
		h.expect("(")
		for i := 0; !h.take(")"); i++ {
			if i > 0 {
				h.expect(",")
			}
			h.variables[h.name()] = args[i]
		}
		h.expect("{")
		h.expect("return")
		v = h.value()
		h.expect("}")
		return v, true
	}
	return nil, false
}

// construct makes what has no literal of its own.
func construct(name string, args []any) (any, error) {
	if name == "Date" && len(args) == 0 {
		return bson.NewDateTimeFromTime(time.Now()), nil
	}
	if name == "BinData" && len(args) == 2 { // as Binary.createFromBase64, the other way round
		name, args[0], args[1] = "Binary.createFromBase64", args[1], args[0]
	}
	var text string
	var subtype int32
	if len(args) > 0 {
		text, _ = args[0].(string)
	}
	if len(args) > 1 {
		subtype, _ = args[1].(int32)
	}
	switch name {
	case "ISODate":
		at, err := time.Parse(time.RFC3339, text)
		return bson.NewDateTimeFromTime(at), err
	case "Long":
		return strconv.ParseInt(text, 10, 64)
	case "Decimal128":
		return bson.ParseDecimal128(text)
	case "ObjectId":
		return bson.ObjectIDFromHex(text)
	case "Binary.createFromBase64":
		data, err := base64.StdEncoding.DecodeString(text)
		return bson.Binary{Subtype: byte(subtype), Data: data}, err
	case "amount": // the page's own helper
		a, err := markets.ParseAmount(text)
		return bson.Binary{Data: documents.SortFormOf(a)}, err
	}
	return nil, fmt.Errorf("unknown")
}
