package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// object is a JSON object. Other values are []any, string, json.Number, bool and nil.
type object map[string]any

// maxDepth is how deep an order's objects and lists are: parameters, offer, an item.
const maxDepth = 4

// readJSON reads one JSON object, in which no name is repeated.
func readJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, "", maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Problem{"", "there is more after the order"}
	}
	return v, nil
}

func readValue(d *json.Decoder, path string, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, notJSON(d, err)
	}
	delim, composite := token.(json.Delim)
	switch {
	case !composite:
		return token, nil
	case depth == 0:
		return nil, &Problem{path, "it holds objects or lists where an order has none"}
	case delim == '[':
		return readList(d, path, depth-1)
	}
	return readObject(d, path, depth-1)
}

func readList(d *json.Decoder, path string, depth int) (any, error) {
	list := []any{}
	for d.More() {
		v, err := readValue(d, fmt.Sprintf("%s.%d", path, len(list)), depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(d, err)
	}
	return list, nil
}

func readObject(d *json.Decoder, path string, depth int) (any, error) {
	values := object{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, notJSON(d, err)
		}
		name := token.(string)
		at := strings.TrimPrefix(path+"."+short(name), ".")
		if _, repeated := values[name]; repeated {
			return nil, &Problem{at, "it is there twice"}
		}
		if values[name], err = readValue(d, at, depth); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(d, err)
	}
	return values, nil
}

func notJSON(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Problem{"", "it is not JSON: it ends too early"}
	}
	return &Problem{"", fmt.Sprintf("it is not JSON: %s, at byte %d", strings.TrimPrefix(err.Error(), "json: "), d.InputOffset())}
}

// kindOf names a JSON value's kind.
func kindOf(v any) string {
	switch v.(type) {
	case object:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	return "null"
}

// short is a text that is not too long to be shown.
func short(text string) string {
	if len(text) <= 100 {
		return text
	}
	return strings.ToValidUTF8(text[:100], "") + "…"
}

// maxDigits is more than an integer of 256 bits has, with some leading zeros.
const maxDigits = 100

// amount returns an integer of at most 256 bits.
func (f fields) amount(field string) markets.Amount {
	v := f.need(field)
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	default:
		f.fail(f.name(field), "it is %s, not an integer", kindOf(v))
		return "0"
	}
	a, reason := amountOf(text)
	if reason != "" {
		f.fail(f.name(field), "%s", reason)
	}
	return a
}

// amountOf reads an integer, decimal or hex, or says why it is not one.
func amountOf(text string) (a markets.Amount, reason string) {
	digits, isHex := strings.CutPrefix(text, "0x")
	alphabet := "0123456789"
	if isHex {
		alphabet += "abcdefABCDEF"
	}
	switch {
	case digits == "" || strings.Trim(digits, alphabet) != "":
		return "0", fmt.Sprintf("%q is not an integer: write its digits as a string", short(text))
	case len(digits) > maxDigits:
		return "0", fmt.Sprintf("an integer of %d digits is beyond 256 bits", len(digits))
	}
	digits = strings.TrimLeft(digits, "0")
	var n uint256.Int
	var err error
	switch {
	case digits == "":
	case isHex:
		err = n.SetFromHex("0x" + digits)
	default:
		err = n.SetFromDecimal(digits)
	}
	if err != nil {
		return "0", fmt.Sprintf("%s is beyond 256 bits", short(text))
	}
	return markets.AmountOf(&n), ""
}
