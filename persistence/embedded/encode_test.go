package embedded

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence/documents"
)

// The encoder produces the same JSON as encoding/json, for any value of any field,
// including fields added later.
func TestDocumentsAreEncodedAndDecodedAsJSON(t *testing.T) {
	t.Run("order", rapid.MakeCheck(func(t *rapid.T) {
		var order markets.Order
		fill(t, reflect.ValueOf(&order).Elem())
		e := encoder{}
		e.order(&order)
		same(t, e, order)
		decodesAsJSON(t, e.buf, orderDecoder)
	}))
	t.Run("activity", rapid.MakeCheck(func(t *rapid.T) {
		var activity markets.Activity
		fill(t, reflect.ValueOf(&activity).Elem())
		e := encoder{}
		e.activity(&activity)
		same(t, e, activity)
		decodesAsJSON(t, e.buf, activityDecoder)
	}))
}

func same(t *rapid.T, e encoder, value any) {
	want, err := json.Marshal(value)
	if err != nil || e.err != nil {
		t.Fatal(err, e.err)
	}
	if got := string(e.buf); got != string(want) {
		t.Fatalf("\n got %s\nwant %s", got, want)
	}
}

// decodesAsJSON checks that a decoder decodes as encoding/json does.
func decodesAsJSON[T any](t *rapid.T, doc []byte, decoder *documents.Decoder[T]) {
	var got, want T
	if err := decoder.Decode(doc, &got); err != nil {
		t.Fatal(err)
	}
	if err := decode(doc, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\n got %+v\nwant %+v", doc, got, want)
	}
	if err := decoder.Decode(doc[:len(doc)-1], new(T)); err == nil {
		t.Fatalf("half a document was decoded: %s", doc[:len(doc)-1])
	}
}

// fill gives a value's fields random values, or leaves them zero.
func fill(t *rapid.T, v reflect.Value) {
	if !rapid.Bool().Draw(t, "set") {
		return
	}
	if when, ok := v.Addr().Interface().(*time.Time); ok {
		*when = time.Unix(rapid.Int64Range(-1e10, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC()
		return
	}
	if raw, ok := v.Addr().Interface().(*json.RawMessage); ok {
		*raw = json.RawMessage(rapid.SampledFrom([]string{"{}", `{"a":[1,"<"]}`, "[]", `"text"`, "1e400"}).Draw(t, "JSON"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "length"), 3))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf(map[string]string{rapid.String().Draw(t, "name"): rapid.String().Draw(t, "value")}))
			return
		}
		v.Set(reflect.ValueOf(map[string]any{rapid.String().Draw(t, "name"): rapid.Int().Draw(t, "value")}))
	case reflect.String:
		v.SetString(rapid.OneOf(
			rapid.StringMatching("[ -~]?"), rapid.String(),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "text"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64Range(math.MinInt32, math.MaxInt32).Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no random %s", v.Type())
	}
}

func TestEncodesTimesInUTC(t *testing.T) {
	when := time.Date(2024, 1, 31, 13, 0, 0, 500, time.FixedZone("", 3600))
	e := encoder{buf: []byte("{")}
	e.time("at", &when)
	if got, want := string(e.buf), `{"at":"2024-01-31T12:00:00.0000005Z"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A time that JSON cannot represent is an error that names the document.
func TestTimesBeyondJSONAreErrors(t *testing.T) {
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	e := encoder{}
	if e.order(&markets.Order{ExpiresAt: &late}); e.err == nil {
		t.Errorf("encoded %s", e.buf)
	}
}
