package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// DrawDocuments draws some documents of every collection as Query yields them, each
// with a key of its own: whatever the types can hold and a store may be given.
func DrawDocuments(t *rapid.T) map[string][]json.RawMessage {
	return map[string][]json.RawMessage{
		persistence.Orders:        drawDocuments(t, markets.Order.ID),
		persistence.Activities:    drawDocuments(t, markets.Activity.ID),
		persistence.Records:       drawDocuments(t, markets.Record.ID),
		persistence.Notifications: drawDocuments(t, markets.Notification.ID),
		persistence.SignedOrders:  drawDocuments[documents.SignedOrder](t, nil),
		persistence.DeadLetters:   drawDocuments(t, markets.DeadLetter.ID),
		persistence.Currencies:    drawDocuments[persistence.KnownCurrency](t, nil),
		persistence.MetadataDocs:  drawDocuments[persistence.Metadata](t, nil),
		persistence.Audits:        drawDocuments[persistence.Audit](t, nil),
		persistence.Actors:        drawDocuments[persistence.Actor](t, nil),
		persistence.Leases:        drawDocuments[persistence.Lease](t, nil),
	}
}

// drawDocuments draws documents of a collection. id is their keys; nil if the key
// is a field.
func drawDocuments[T any](t *rapid.T, id func(T) string) (docs []json.RawMessage) {
	known := map[string]bool{}
	for range rapid.IntRange(0, 4).Draw(t, "documents") {
		var v T
		drawValue(t, reflect.ValueOf(&v).Elem())
		doc := json.RawMessage(asJSON(v))
		if id != nil {
			doc = json.RawMessage(`{"_id":` + asJSON(id(v)) + "," + string(doc[1:]))
		}
		if key := keyOf(doc); !known[key] {
			known[key] = true
			docs = append(docs, doc)
		}
	}
	return docs
}

// keyOf is the key of a document.
func keyOf(doc json.RawMessage) string {
	var keyed struct {
		ID string `json:"_id"`
	}
	_ = json.Unmarshal(doc, &keyed) // it is no JSON object: it has none
	return keyed.ID
}

func drawValue(t *rapid.T, v reflect.Value) {
	switch v.Interface().(type) {
	case markets.Amount:
		v.SetString(rapid.StringMatching(`(0|[1-9][0-9]{0,76})?`).Draw(t, "amount"))
		return
	case markets.Kind:
		v.SetString(string(rapid.SampledFrom(markets.Kinds()).Draw(t, "kind")))
		return
	case markets.Message:
		v.SetString(string(rapid.SampledFrom(markets.Messages()).Draw(t, "message")))
		return
	case map[string]string:
		if rapid.Bool().Draw(t, "adds") {
			v.Set(reflect.ValueOf(map[string]string{"balance": "-5"}))
		}
		return
	case map[string]int64:
		if rapid.Bool().Draw(t, "counts") {
			v.Set(reflect.ValueOf(map[string]int64{"timeout": rapid.Int64().Draw(t, "count"), "rate_limited": 1}))
		}
		return
	case markets.Side:
		v.SetString(string(rapid.SampledFrom(append(markets.Sides(), "")).Draw(t, "side")))
		return
	case markets.Answer:
		v.SetString(string(rapid.SampledFrom(markets.Answers()).Draw(t, "answer")))
		return
	case markets.Reason:
		v.SetString(string(rapid.SampledFrom(markets.Reasons()).Draw(t, "reason")))
		return
	case markets.Status:
		v.SetString(string(rapid.SampledFrom(markets.Statuses()).Draw(t, "status")))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "time")).UTC()))
		return
	case json.RawMessage:
		v.SetBytes([]byte(drawJSON(t, 3)))
		return
	case map[string]any:
		d := json.NewDecoder(strings.NewReader(drawObject(t, 3)))
		d.UseNumber()
		var fields map[string]any
		if err := d.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(fields))
		return
	}
	drawKind(t, v)
}

// drawKind draws a value of a type that is like any of its kind.
func drawKind(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(0, 5, -1).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int32:
		v.SetInt(int64(rapid.Int32().Draw(t, "number")))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(0, 1e9).Draw(t, "number"))
	case reflect.Struct:
		drawStruct(t, v)
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			drawValue(t, v.Elem())
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 2))
		for range rapid.IntRange(0, 2).Draw(t, "length") {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			drawValue(t, v.Index(v.Len()-1))
		}
	default:
		panic(fmt.Sprintf("cannot draw %s", v.Type()))
	}
}

func drawStruct(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("json")
		switch v.Type().Name() + "." + name {
		case "SignedAnswer.state,omitempty":
			v.Field(i).SetString(rapid.SampledFrom([]string{"", persistence.SignedPending, persistence.SignedAccepted, persistence.SignedRejected}).Draw(t, "state"))
		case "Actor._id", "Lease._id", "SignedOrder._id", "KnownCurrency._id", "Metadata._id":
			v.Field(i).SetString(rapid.StringN(1, 5, -1).Draw(t, "key"))
		case "Actor.kind":
			v.Field(i).SetString(rapid.SampledFrom([]string{"chain", "head", "subject", "observer"}).Draw(t, "kind"))
		case "Metadata.state":
			v.Field(i).SetString(rapid.SampledFrom([]string{persistence.MetadataFetched, persistence.MetadataFailed}).Draw(t, "state"))
		case "Endpoint.state":
			v.Field(i).SetString(rapid.SampledFrom(persistence.EndpointStates).Draw(t, "state"))
		case "Report.state,omitempty":
			v.Field(i).SetString(rapid.SampledFrom([]string{"", persistence.Following, persistence.Stopped}).Draw(t, "state"))
		default:
			if name == "-" {
				continue
			}
			drawValue(t, v.Field(i))
			if v.Field(i).Type() == reflect.TypeFor[markets.Amount]() && v.Field(i).Len() == 0 && !strings.Contains(name, "omitempty") {
				v.Field(i).SetString("1") // always known
			}
		}
	}
}

// drawJSON draws JSON as encoding/json writes it, not only of what a float64 holds.
func drawJSON(t *rapid.T, depth int) string {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(1, kinds).Draw(t, "kind of JSON") {
	case 1:
		return rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")
	case 2:
		return asJSON(rapid.Int64().Draw(t, "integer"))
	case 3:
		return asJSON(rapid.Float64Range(-1e9, 1e9).Draw(t, "float"))
	case 4:
		return rapid.SampledFrom([]string{"1.0", "1e400", "-0", "9223372036854775808", "0.10", "1E3"}).Draw(t, "odd number")
	case 5:
		return asJSON(rapid.StringN(0, 5, -1).Draw(t, "text"))
	case 6:
		return drawObject(t, depth)
	}
	var parts []string
	for range rapid.IntRange(0, 3).Draw(t, "elements") {
		parts = append(parts, drawJSON(t, depth-1))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// drawObject draws a JSON object.
func drawObject(t *rapid.T, depth int) string {
	name := rapid.OneOf(rapid.StringN(0, 3, -1), rapid.SampledFrom([]string{"a", "$gt", "a.b", "_id"}))
	var out bytes.Buffer
	for i, name := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID[string]).Draw(t, "names") {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(asJSON(name) + ":" + drawJSON(t, depth-1))
	}
	return "{" + out.String() + "}"
}
