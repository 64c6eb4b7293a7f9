package documents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Free values are JSON that we do not define: a record's fields, a dead letter's
// raw events. They are stored as documents and lists, for people to query. What
// would not be read back exactly as written (a number that no BSON number is, a name
// that MongoDB does not allow…) is stored as its JSON text instead.

// maxFreeDepth is how deep free values are stored as documents. The server takes
// 100 levels in all.
const maxFreeDepth = 50

// Registry is how our documents become BSON.
func Registry() *bson.Registry {
	r := bson.NewRegistry()
	for _, free := range []reflect.Type{reflect.TypeFor[map[string]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[json.RawMessage]()} {
		r.RegisterTypeEncoder(free, bson.ValueEncoderFunc(encodeFree))
		r.RegisterTypeDecoder(free, bson.ValueDecoderFunc(decodeFree))
	}
	return r
}

func encodeFree(c bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return err
	}
	value, err := freeValue(text)
	if errors.Is(err, errInexact) {
		return w.WriteString(string(text))
	}
	if err != nil {
		return err
	}
	encoder, err := c.LookupEncoder(reflect.TypeOf(value))
	if err != nil {
		return err
	}
	return encoder.EncodeValue(c, w, reflect.ValueOf(value))
}

func decodeFree(c bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
	var value bson.RawValue
	decoder, err := c.LookupDecoder(reflect.TypeOf(value))
	if err != nil {
		return err
	}
	if err := decoder.DecodeValue(c, r, reflect.ValueOf(&value).Elem()); err != nil {
		return err
	}
	text, err := freeText(value)
	if err != nil {
		return err
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes(text)
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v.Addr().Interface())
}

// errInexact means that a value would not be read back exactly as written.
var errInexact = errors.New("not exactly a BSON value")

// freeValue is the document or list that a JSON text describes.
func freeValue(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if _, composite := token.(json.Delim); !composite {
		return nil, errInexact // a text on its own stands for JSON
	}
	return valueOf(d, token, maxFreeDepth)
}

// valueOf is the value that begins with a token.
func valueOf(d *json.Decoder, token json.Token, depth int) (any, error) {
	switch t := token.(type) {
	case json.Delim:
		if depth == 0 {
			return nil, errInexact
		}
		if t == '[' {
			return listOf(d, depth-1)
		}
		return documentOf(d, depth-1)
	case json.Number:
		return numberOf(t.String())
	case string:
		if !exactText(t) {
			return nil, errInexact
		}
	}
	return token, nil
}

func listOf(d *json.Decoder, depth int) (bson.A, error) {
	list := bson.A{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := valueOf(d, token, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.Token()
	return list, err
}

func documentOf(d *json.Decoder, depth int) (bson.D, error) {
	document, seen := bson.D{}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string)
		if name == "" || seen[name] || name[0] == '$' || strings.ContainsAny(name, ".\x00") || !exactText(name) {
			return nil, errInexact
		}
		seen[name] = true
		if token, err = d.Token(); err != nil {
			return nil, err
		}
		value, err := valueOf(d, token, depth)
		if err != nil {
			return nil, err
		}
		document = append(document, bson.E{Key: name, Value: value})
	}
	_, err := d.Token()
	return document, err
}

// exactText reports whether a decoded string equals the text in its JSON: the decoder
// replaces invalid text.
func exactText(s string) bool { return !strings.ContainsRune(s, utf8.RuneError) }

func numberOf(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !bytes.Equal(jsonOf(f), []byte(text)) {
		return nil, errInexact
	}
	return f, nil
}

func jsonOf(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil // no number, nothing equals it
	}
	return text
}

// freeText is the JSON text of a stored free value.
func freeText(v bson.RawValue) ([]byte, error) {
	if text, ok := v.StringValueOK(); ok {
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("a text where JSON was expected: %.100q", text)
		}
		return []byte(text), nil
	}
	return appendText(nil, v)
}

func appendText(out []byte, v bson.RawValue) ([]byte, error) {
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		return appendElements(out, v.Document(), '{', '}')
	case bson.TypeArray:
		return appendElements(out, bson.Raw(v.Array()), '[', ']')
	case bson.TypeString:
		return append(out, jsonOf(v.StringValue())...), nil
	case bson.TypeBoolean:
		return strconv.AppendBool(out, v.Boolean()), nil
	case bson.TypeNull:
		return append(out, "null"...), nil
	case bson.TypeInt32:
		return strconv.AppendInt(out, int64(v.Int32()), 10), nil
	case bson.TypeInt64:
		return strconv.AppendInt(out, v.Int64(), 10), nil
	case bson.TypeDouble:
		if text := jsonOf(v.Double()); text != nil {
			return append(out, text...), nil
		}
		return nil, fmt.Errorf("%v where JSON was expected", v.Double())
	}
	return nil, fmt.Errorf("a BSON %s where JSON was expected", v.Type)
}

// appendElements appends a document or a list.
func appendElements(out []byte, raw bson.Raw, opening, closing byte) ([]byte, error) {
	elements, err := raw.Elements()
	if err != nil {
		return nil, err
	}
	out = append(out, opening)
	for i, e := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		if opening == '{' {
			out = append(append(out, jsonOf(e.Key())...), ':')
		}
		if out, err = appendText(out, e.Value()); err != nil {
			return nil, err
		}
	}
	return append(out, closing), nil
}
