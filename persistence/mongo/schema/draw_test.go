package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// documents are the document types by collection.
var documents = map[string]reflect.Type{
	persistence.Orders:        reflect.TypeFor[Order](),
	persistence.Activities:    reflect.TypeFor[Activity](),
	persistence.Records:       reflect.TypeFor[Record](),
	persistence.DeadLetters:   reflect.TypeFor[DeadLetter](),
	persistence.Actors:        reflect.TypeFor[Actor](),
	persistence.Leases:        reflect.TypeFor[Lease](),
	persistence.Nodes:         reflect.TypeFor[Node](),
	persistence.Requests:      reflect.TypeFor[Request](),
	persistence.Notifications: reflect.TypeFor[Notification](),
}

// drawDocument draws a document of a collection: any that our types can hold.
func drawDocument(t *rapid.T, collection string) any {
	v := reflect.New(documents[collection]).Elem()
	drawStruct(t, v)
	return v.Interface()
}

func drawStruct(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		member := v.Type().Field(i)
		name, _, _ := strings.Cut(member.Tag.Get("bson"), ",")
		if name == "-" {
			continue
		}
		if enum := enumOf(v.Type(), name); enum != nil {
			values := enum.Values
			if strings.Contains(member.Tag.Get("bson"), "omitempty") {
				values = append([]string{""}, values...)
			}
			v.Field(i).SetString(rapid.SampledFrom(values).Draw(t, name))
			continue
		}
		drawValue(t, v.Field(i))
		if item, ok := v.Addr().Interface().(*markets.Item); ok && !item.Quantity.Known() {
			item.Quantity = "1" // of an item it is always known
		}
	}
}

func drawValue(t *rapid.T, v reflect.Value) {
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
		drawStruct(t, v)
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			drawValue(t, v.Elem())
		}
	case reflect.Slice:
		length := rapid.IntRange(0, 2).Draw(t, "length")
		v.Set(reflect.MakeSlice(v.Type(), length, length))
		for i := range v.Len() {
			drawValue(t, v.Index(i))
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
