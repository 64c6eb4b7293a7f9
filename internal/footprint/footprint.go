// Package footprint measures how much memory values take.
package footprint

import (
	"reflect"
	"time"
)

// entry is the size of an entry of a map besides its key and its value, in bytes, about.
const entry = 16

// Of is the size of what a pointer points to, in bytes, about, with all that can be reached
// from there: what is shared counts as often as it is reached. It must not contain itself.
func Of[V any](pointer *V) int64 {
	v := reflect.ValueOf(pointer).Elem()
	return size(v.Type()) + reached(v)
}

func size(t reflect.Type) int64 { return int64(t.Size()) }

var timeType = reflect.TypeFor[time.Time]()

// reached is the size of what a value refers to.
func reached(v reflect.Value) (n int64) {
	switch v.Kind() {
	case reflect.String:
		return int64(v.Len())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			n = size(v.Elem().Type()) + reached(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return 0 // all times share their location
		}
		for i := range v.NumField() {
			n += reached(v.Field(i))
		}
	case reflect.Slice:
		n = int64(v.Len()) * size(v.Type().Elem())
		if refers(v.Type().Elem()) {
			for i := range v.Len() {
				n += reached(v.Index(i))
			}
		}
	case reflect.Map:
		each := entry + size(v.Type().Key()) + size(v.Type().Elem())
		for entries := v.MapRange(); entries.Next(); {
			n += each + reached(entries.Key()) + reached(entries.Value())
		}
	}
	return n
}

// refers reports whether values of a type can refer to others: bytes, for example, do not.
func refers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Map:
		return true
	}
	return false
}
