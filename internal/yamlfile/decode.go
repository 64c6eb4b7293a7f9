package yamlfile

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Decode sets the value that into points to. A struct's fields are options of the same
// names, with a lowercase first letter, unless the tag yaml gives another name, or - for
// none. Options that are missing leave their fields unchanged. A value that does not fit is
// reported.
func (n *Node) Decode(into any) {
	if n != nil {
		n.decode(reflect.ValueOf(into).Elem())
	}
}

func (n *Node) decode(into reflect.Value) {
	var err error
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		err = u.UnmarshalText([]byte(n.text))
	} else if into.Type() == reflect.TypeFor[time.Duration]() {
		var d time.Duration
		d, err = time.ParseDuration(n.text)
		into.SetInt(int64(d))
	} else {
		err = n.decodeKind(into)
	}
	if err != nil {
		n.Add("%q is not valid here: %v", n.text, err)
	}
}

func (n *Node) decodeKind(into reflect.Value) error {
	switch into.Kind() {
	case reflect.Struct:
		for i := range into.NumField() {
			field := into.Type().Field(i)
			if c := n.Child(optionOf(field)); c != nil && field.IsExported() {
				c.decode(into.Field(i))
			}
		}
	case reflect.Slice:
		for _, c := range n.List() {
			item := reflect.New(into.Type().Elem()).Elem()
			c.decode(item)
			into.Set(reflect.Append(into, item))
		}
	case reflect.String:
		into.SetString(n.text)
	case reflect.Bool:
		into.SetBool(n.text == "true")
	case reflect.Int, reflect.Int64:
		v, err := strconv.ParseInt(n.text, 10, 64)
		into.SetInt(v)
		return err
	case reflect.Uint64:
		v, err := strconv.ParseUint(strings.TrimPrefix(n.text, "+"), 10, 64)
		into.SetUint(v)
		return err
	case reflect.Float64:
		v, err := strconv.ParseFloat(n.text, 64)
		into.SetFloat(v)
		return err
	default:
		return fmt.Errorf("there are no options of type %s", into.Type())
	}
	return nil
}

func optionOf(field reflect.StructField) string {
	if tag := field.Tag.Get("yaml"); tag != "" {
		return tag
	}
	first, size := utf8.DecodeRuneInString(field.Name)
	return string(unicode.ToLower(first)) + field.Name[size:]
}
