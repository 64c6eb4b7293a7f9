package documents

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// stored is a document as it comes back, and what its raw field was stored as.
func stored(t interface{ Fatal(...any) }, raw json.RawMessage) (json.RawMessage, bson.Type) {
	out, err := Marshal(Registry(), OfDeadLetter(markets.DeadLetter{Raw: raw}))
	if err != nil {
		t.Fatal(err)
	}
	kind := out.Lookup("raw").Type
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(out)))
	d.SetRegistry(Registry())
	var back DeadLetter
	if err := d.Decode(&back); err != nil {
		t.Fatal(err)
	}
	return back.Raw, kind
}

func TestFreeValues(t *testing.T) {
	deep := strings.Repeat("[", maxFreeDepth) + strings.Repeat("]", maxFreeDepth)
	deepObject := strings.Repeat(`{"a":`, maxFreeDepth-1) + "{}" + strings.Repeat("}", maxFreeDepth-1)
	for _, test := range []struct {
		raw  string
		kind bson.Type
	}{
		{`[]`, bson.TypeArray},
		{`{}`, bson.TypeEmbeddedDocument},
		{`[{"b":1,"a":[true,false,null,"x\u0000y",{"":0}]}]`, bson.TypeString}, // a name is empty
		{`[{"b":1,"a":[true,false,null,"x\u0000y",{"c":0}]}]`, bson.TypeArray},
		{`[9007199254740993,-9223372036854775808,0.5,1e+21,-0]`, bson.TypeArray},
		{`[9223372036854775808]`, bson.TypeString}, // no float64 is written so
		{`[1.0]`, bson.TypeString},
		{`[1e400]`, bson.TypeString},
		{`{"$a":1}`, bson.TypeString},
		{`{"a.b":1}`, bson.TypeString},
		{`{"a\u0000":1}`, bson.TypeString},
		{`{"a":1,"a":2}`, bson.TypeString},
		{`["\ud800"]`, bson.TypeString},
		{`{"\ud800":1}`, bson.TypeString},
		{`"text"`, bson.TypeString},
		{`7`, bson.TypeString},
		{`null`, bson.TypeString},
		{deep, bson.TypeArray},
		{"[" + deep + "]", bson.TypeString},
		{deepObject, bson.TypeEmbeddedDocument},
		{`{"a":` + deepObject + "}", bson.TypeString},
	} {
		got, kind := stored(t, json.RawMessage(test.raw))
		if string(got) != test.raw || kind != test.kind {
			t.Errorf("%s came back as %s, stored as %s", test.raw, got, kind)
		}
	}
}

// What people write by hand is read as far as JSON can say it, and the numbers of a
// record's fields stay exact.
func TestFreeValuesWrittenByHand(t *testing.T) {
	for _, test := range []struct {
		fields any
		want   string // empty if they cannot be read
	}{
		{bson.D{{Key: "b", Value: int32(7)}, {Key: "a", Value: int64(9007199254740993)}, {Key: "c", Value: 0.5}}, `{"a":9007199254740993,"b":7,"c":0.5}`},
		{`{"a": 18446744073709551616}`, `{"a":18446744073709551616}`},
		{`{"a"`, ""},
		{bson.D{{Key: "a", Value: bson.ObjectID{}}}, ""},
		{bson.D{{Key: "a", Value: math.Inf(1)}}, ""},
		{int32(7), ""},
	} {
		raw, err := bson.Marshal(bson.D{{Key: "fields", Value: test.fields}, {Key: "raw", Value: test.fields}})
		if err != nil {
			t.Fatal(err)
		}
		d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
		d.SetRegistry(Registry())
		var record Record
		err = d.Decode(&record)
		switch got := string(jsonOf(record.Fields)); {
		case test.want == "" && err == nil:
			t.Errorf("%v was read as %s", test.fields, got)
		case test.want != "" && (err != nil || got != test.want):
			t.Errorf("%v was read as %s, %v", test.fields, got, err)
		}
		d.Reset(bson.NewDocumentReader(bytes.NewReader(raw)))
		var letter DeadLetter
		if err := d.Decode(&letter); err == nil && !json.Valid(letter.Raw) {
			t.Errorf("%v was read as %s", test.fields, letter.Raw)
		}
	}
}

// Whatever JSON a free value is, it comes back as it was.
func TestFreeValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := drawJSON(t, 4)
		compact, err := json.Marshal(json.RawMessage(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := stored(t, json.RawMessage(raw)); !bytes.Equal(got, compact) {
			t.Errorf("%s came back as %s", compact, got)
		}
	})
}

// drawJSON draws a JSON text.
func drawJSON(t *rapid.T, depth int) string {
	var parts []string
	n := rapid.IntRange(0, 3).Draw(t, "length")
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		for range n {
			parts = append(parts, drawJSON(t, depth-1))
		}
		return "[" + strings.Join(parts, " , ") + "]"
	case kind <= 2 && depth > 0:
		for range n {
			parts = append(parts, string(jsonOf(rapid.StringN(0, 3, -1).Draw(t, "name")))+": "+drawJSON(t, depth-1))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case kind == 3:
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")
	}
	return string(jsonOf(rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
	).Draw(t, "scalar")))
}
