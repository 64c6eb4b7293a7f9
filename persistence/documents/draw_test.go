package documents

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// drawDocument draws a document of a collection: any that our types can hold.
func drawDocument(t *rapid.T, c Collection) any {
	for _, declared := range declarations() {
		if declared.name == c.Name {
			v := reflect.New(declared.document).Elem()
			drawFields(t, v, c.Fields)
			return v.Interface()
		}
	}
	panic("no collection " + c.Name)
}

func drawFields(t *rapid.T, v reflect.Value, fields []Field) {
	for _, f := range fields {
		member := v.FieldByIndex(f.index)
		if f.Enum != nil && f.List {
			drawn := rapid.SliceOfN(rapid.SampledFrom(f.Enum.Values), 1, 3).Draw(t, f.Name)
			member.Set(reflect.MakeSlice(member.Type(), len(drawn), len(drawn)))
			for i, value := range drawn {
				member.Index(i).SetString(value)
			}
			continue
		}
		if f.Enum != nil {
			values := f.Enum.Values
			if !f.Required {
				values = append([]string{""}, values...)
			}
			member.SetString(rapid.SampledFrom(values).Draw(t, f.Name))
			continue
		}
		drawValue(t, member, f)
		if f.Type == Amount && f.Required && member.Len() == 0 {
			member.SetString("1")
		}
	}
}

func drawValue(t *rapid.T, v reflect.Value, f Field) {
	switch v.Interface().(type) {
	case map[string]any:
		var fields map[string]any
		if err := json.Unmarshal([]byte(drawObject(t, 2)), &fields); err != nil {
			return // names that JSON cannot hold: no fields
		}
		v.Set(reflect.ValueOf(fields))
		return
	case map[string]string:
		if rapid.Bool().Draw(t, "adds") {
			v.Set(reflect.ValueOf(map[string]string{"amount": "-5"}))
		}
		return
	case map[string]int64:
		if rapid.Bool().Draw(t, "counts") {
			v.Set(reflect.ValueOf(map[string]int64{"timeout": rapid.Int64().Draw(t, "count"), "rate_limited": 1}))
		}
		return
	case json.RawMessage:
		v.SetBytes([]byte(drawJSON(t, 3)))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "time")).UTC()))
		return
	case bson.ObjectID:
		v.Set(reflect.ValueOf(bson.NewObjectIDFromTimestamp(time.Unix(1, 0))))
		return
	case markets.Amount:
		v.SetString(rapid.StringMatching(`(0|[1-9][0-9]{0,76})?`).Draw(t, "amount"))
		return
	case SortForm:
		v.SetBytes(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sort form"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(0, 5, -1).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int32:
		v.SetInt(int64(rapid.Int32().Draw(t, "int")))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "long"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "double"))
	case reflect.Struct:
		drawFields(t, v, f.Fields)
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			drawValue(t, v.Elem(), f)
		}
	case reflect.Slice:
		length := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), length, length))
		for i := range v.Len() {
			drawValue(t, v.Index(i), f)
		}
	default:
		panic(fmt.Sprintf("cannot draw %s", v.Type()))
	}
}

// drawObject draws a JSON object.
func drawObject(t *rapid.T, depth int) string {
	names := rapid.SliceOfNDistinct(rapid.StringN(0, 3, -1), 0, 3, func(name string) string { return name }).Draw(t, "names")
	var parts []string
	for _, name := range names {
		parts = append(parts, string(jsonOf(name))+":"+drawJSON(t, depth-1))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// asBSON is a document as the store writes it.
func asBSON(doc any) (d bson.D, err error) {
	raw, err := Marshal(Registry(), doc)
	if err != nil {
		return nil, err
	}
	return d, bson.Unmarshal(raw, &d)
}
