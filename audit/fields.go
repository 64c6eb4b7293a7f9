package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// differing returns the fields in which two JSON documents differ, sorted by path.
func differing(log, chain []byte) ([]Field, error) {
	l, err := generic(log)
	if err != nil {
		return nil, err
	}
	c, err := generic(chain)
	if err != nil {
		return nil, err
	}
	var fields []Field
	walk("", l, c, func(f Field) { fields = append(fields, f) })
	return fields, nil
}

// generic decodes JSON and keeps numbers as text.
func generic(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// absent is the value of a missing field.
type absent struct{}

// walk calls found for each field in which two values differ.
func walk(path string, log, chain any, found func(Field)) {
	a, isMap := log.(map[string]any)
	b, bothMaps := chain.(map[string]any)
	if isMap && bothMaps {
		names := map[string]bool{}
		for name := range a {
			names[name] = true
		}
		for name := range b {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			inner := name
			if path != "" {
				inner = path + "." + name
			}
			walk(inner, member(a, name), member(b, name), found)
		}
		return
	}
	if !sameValue(log, chain) {
		found(Field{Path: path, Log: textOf(log), Chain: textOf(chain)})
	}
}

func member(of map[string]any, name string) any {
	if v, ok := of[name]; ok {
		return v
	}
	return absent{}
}

func textOf(v any) json.RawMessage {
	if v == (absent{}) {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}

// sameValue compares values that are not both objects: times by their instants, and numbers
// by their values.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		n, ok := b.(json.Number)
		return ok && sameNumber(string(a), string(n))
	case string:
		s, ok := b.(string)
		return ok && (a == s || sameTime(a, s))
	case []any:
		l, ok := b.([]any)
		return ok && slices.EqualFunc(a, l, sameAny)
	case map[string]any:
		return false
	}
	if _, isMap := b.(map[string]any); isMap {
		return false
	}
	if _, isList := b.([]any); isList {
		return false
	}
	return a == b
}

func sameAny(a, b any) bool {
	same := true
	walk("", a, b, func(Field) { same = false })
	return same
}

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseFloat(b, 64)
	const exact = 1 << 53
	return err == nil && x == y && x < exact && x > -exact
}

func sameTime(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	if err != nil {
		return false
	}
	y, err := time.Parse(time.RFC3339Nano, b)
	return err == nil && x.Equal(y)
}
