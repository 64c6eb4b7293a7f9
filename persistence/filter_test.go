package persistence

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// declared are the fields in these tests: unknown… does not exist, and word is "one" or
// "both", which has two spellings.
type declared struct{}

var kinds declared

func (declared) Check(path string) error {
	if strings.HasPrefix(path, "unknown") {
		return fmt.Errorf("no field %s", path)
	}
	return nil
}

func (declared) Spellings(path, text string) ([]string, error) {
	switch {
	case path == "word" && text == "both":
		return []string{"both", "Both"}, nil
	case path == "word" && text != "one":
		return nil, fmt.Errorf("no such word")
	}
	return []string{text}, nil
}

func (declared) Kind(path string) FieldKind {
	return map[string]FieldKind{"price": AmountField, "bundle.quantity": AmountField, "listedAt": DateField, "time": DateField}[path]
}

func TestParseFilter(t *testing.T) {
	noon := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]Condition{
		``:                                               nil,
		` {} `:                                           nil,
		`{"status": "SOLD"}`:                             Compare{"status", Equal, "SOLD"},
		`{status: 'SOLD'}`:                               Compare{"status", Equal, "SOLD"},
		`{word: "both"}`:                                 Or{Compare{"word", Equal, "both"}, Compare{"word", Equal, "Both"}},
		`{word: {$in: ["one", "both"]}}`:                 Or{Compare{"word", Equal, "one"}, Or{Compare{"word", Equal, "both"}, Compare{"word", Equal, "Both"}}},
		`{word: {$gt: "two", $ne: null}}`:                And{Compare{"word", Greater, "two"}, Not{Compare{"word", Equal, nil}}},
		`{token.name: "a.b"}`:                            Compare{"token.name", Equal, "a.b"},
		`{a: 'it\'s "\u00fc" \ud83d\ude00\/'}`:           Compare{"a", Equal, `it's "ü" 😀/`},
		`{"a": "it's \"ü\" \\"}`:                         Compare{"a", Equal, `it's "ü" \`},
		`{a: null}`:                                      Compare{"a", Equal, nil},
		`{a: true, b: false}`:                            And{Compare{"a", Equal, true}, Compare{"b", Equal, false}},
		`{a: 1, b: -1.5, c: 1e3}`:                        And{Compare{"a", Equal, int64(1)}, Compare{"b", Equal, -1.5}, Compare{"c", Equal, 1000.0}},
		`{a: 9007199254740993}`:                          Compare{"a", Equal, int64(9007199254740993)},
		`{a: {$gt: 1, $lte: 2}}`:                         And{Compare{"a", Greater, int64(1)}, Compare{"a", LessOrEqual, int64(2)}},
		`{a: {$eq: 1}}`:                                  Compare{"a", Equal, int64(1)},
		`{a: {$ne: 1}}`:                                  Not{Compare{"a", Equal, int64(1)}},
		`{a: {$in: [1, "x", null]}}`:                     Or{Compare{"a", Equal, int64(1)}, Compare{"a", Equal, "x"}, Compare{"a", Equal, nil}},
		`{a: {$nin: []}}`:                                Not{Or{}},
		`{a: {$exists: true}}`:                           Exists{"a"},
		`{a: {$exists: 0}}`:                              Not{Exists{"a"}},
		`{a: {$not: {$gte: 1}}}`:                         Not{Compare{"a", GreaterOrEqual, int64(1)}},
		`{$and: [{a: 1}, {b: {$lt: 1}}]}`:                And{Compare{"a", Equal, int64(1)}, Compare{"b", Less, int64(1)}},
		`{$or: [{a: 1, b: 2}, {}]}`:                      Or{And{Compare{"a", Equal, int64(1)}, Compare{"b", Equal, int64(2)}}, And(nil)},
		`{$nor: [{a: 1}]}`:                               Not{Or{Compare{"a", Equal, int64(1)}}},
		`{price: 1500000000000000000000}`:                Compare{"price", Equal, markets.Amount("1500000000000000000000")},
		`{"bundle.quantity": {$gt: "007"}}`:              Compare{"bundle.quantity", Greater, markets.Amount("7")},
		`{price: null}`:                                  Compare{"price", Equal, nil},
		`{"fields.price": 5}`:                            Compare{"fields.price", Equal, int64(5)},
		`{listedAt: "2024-01-31T13:00:00+01:00"}`:        Compare{"listedAt", Equal, noon},
		`{"fields.at": {$date: "2024-01-31T12:00:00Z"}}`: Compare{"fields.at", Equal, noon},
		`{"fields.at": {$lt: {"$date": "2024-01-31T12:00:00Z"}}}`: Compare{"fields.at", Less, noon},
		`{"fields.at": "2024-01-31T12:00:00Z"}`:                   Compare{"fields.at", Equal, "2024-01-31T12:00:00Z"},
	} {
		got, err := ParseFilter(text, kinds)
		if err != nil || !reflect.DeepEqual(got.Condition, want) {
			t.Errorf("%s is %#v (%v), want %#v", text, got.Condition, err, want)
		}
	}
}

func TestParseFilterErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[`:                                      "filter: at character 2: the end where a value was expected",
		`[]`:                                     `filter: at character 1: expected a document like {"status": "LISTING"}, not a list`,
		`status`:                                 `filter: at character 1: "status" is not a value: strings need quotes`,
		`{`:                                      "filter: at character 2: the end where a field's name was expected",
		`{status}`:                               "filter: at character 8: '}' where ':' was expected",
		`{a: }`:                                  "filter: at character 5: '}' where a value was expected",
		`{a: 1 b: 2}`:                            "filter: at character 7: 'b' where ',' or '}' was expected",
		`{a: 1,}`:                                "filter: at character 7: '}' where a field's name was expected",
		`{a: [1 2]}`:                             "filter: at character 8: '2' where ',' or ']' was expected",
		`{a: 1} x`:                               "filter: at character 8: 'x' where the end was expected",
		`{a: SOLD}`:                              `filter: at character 5: "SOLD" is not a value: strings need quotes`,
		`{a: 0x10}`:                              `filter: at character 5: "0x10" is not a value: strings need quotes`,
		`{a: -}`:                                 `filter: at character 5: "-" is not a value: strings need quotes`,
		`{a: 1e999}`:                             `filter: at character 5: "1e999" is not a value: strings need quotes`,
		`{a: "x}`:                                `filter: at character 5: a string without its closing "`,
		`{a: "\q"}`:                              "filter: at character 5: a string with a bad escape or a control character",
		"{a: 'x\ny'}":                            "filter: at character 5: a string with a bad escape or a control character",
		`{a: "x\`:                                `filter: at character 5: a string without its closing "`,
		`{a: ü}`:                                 "filter: at character 5: 'ü' where a value was expected",
		`{$where: "1"}`:                          "filter: at character 2: unknown operator $where here; known are $and, $or, $nor",
		`{$gt: 1}`:                               "filter: at character 2: unknown operator $gt here; known are $and, $or, $nor",
		`{a: {$regex: "x"}}`:                     "filter: at character 6: unknown operator $regex; known are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not",
		`{a: {$gt: 1, b: 2}}`:                    "filter: at character 14: unknown operator b; known are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $not",
		`{$or: {a: 1}}`:                          "filter: at character 7: $or takes a list of documents that is not empty, not a document",
		`{$or: []}`:                              "filter: at character 7: $or takes a list of documents that is not empty, not a list",
		`{$or: [1]}`:                             `filter: at character 8: expected a document like {"status": "LISTING"}, not a number`,
		`{a: {$in: 1}}`:                          "filter: at character 11: $in takes a list, not a number",
		`{a: {$not: 1}}`:                         `filter: at character 12: $not takes operators like {"$gt": 1}, not a number`,
		`{a: {$exists: "x"}}`:                    "filter: at character 15: $exists takes true or false, not a string",
		`{a: {b: 1}}`:                            "filter: at character 5: a cannot be compared with a document: name a field in it, like a.x",
		`{a: [1]}`:                               "filter: at character 5: a cannot be compared with a list: name a field in it, like a.x",
		`{price: "1.5"}`:                         `filter: at character 9: price is an amount, a whole number of smallest units of at most 256 bits, not "1.5"`,
		`{price: -1}`:                            `filter: at character 9: price is an amount, a whole number of smallest units of at most 256 bits, not "-1"`,
		`{price: 1e18}`:                          `filter: at character 9: price is an amount, a whole number of smallest units of at most 256 bits, not "1e18"`,
		`{listedAt: "yesterday"}`:                `filter: at character 12: expected a date like "2024-01-31T12:00:00Z", not "yesterday"`,
		`{listedAt: 1700000000}`:                 `filter: at character 12: expected a date like "2024-01-31T12:00:00Z", not "1700000000"`,
		`{x: {$date: {}}}`:                       `filter: at character 13: expected a date like "2024-01-31T12:00:00Z", not ""`,
		`{"a..b": 1}`:                            `filter: at character 2: "a..b" is not a field: write a dotted path like token.collection`,
		`{"": 1}`:                                `filter: at character 2: "" is not a field: write a dotted path like token.collection`,
		`{"a.$b": 1}`:                            `filter: at character 2: "a.$b" is not a field: write a dotted path like token.collection`,
		`{'a"b': 1}`:                             `filter: at character 2: "a\"b" is not a field: write a dotted path like token.collection`,
		`{` + strings.Repeat("a", 201) + `: 1}`:  `filter: at character 2: "` + strings.Repeat("a", 100) + `"… is not a field: it is too long`,
		`{` + strings.Repeat("a.", 16) + `a: 1}`: `filter: at character 2: "` + strings.Repeat("a.", 16) + `a"… is not a field: it is too long`,
		strings.Repeat(`{a:`, 40):                "filter: at character 100: nested deeper than 32",
		`{a: {$in: [` + strings.Repeat("1,", 1000) + `1]}}`: "filter: at character 2012: more than 1000 conditions",
		strings.Repeat(" ", 64<<10+1):                       "filter: longer than 65536 bytes",
	} {
		if _, err := ParseFilter(text, kinds); err == nil || err.Error() != want {
			t.Errorf("%.60s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// Whatever the text is, the result is a filter or a one-line error.
func TestParseFilterIsTotal(t *testing.T) {
	pieces := []string{`{`, `}`, `[`, `]`, `:`, `,`, `"`, `'`, `\`, ` `, "\n", "\x00", `$`, `.`, `-`, `a`, `1`, `e`, `ü`, "\xff",
		`$and`, `$in`, `$date`, `null`, `true`, `price`, `time`, `{a:1}`, `{a:{$gt:1}}`, `"\u00`, `\ud83d`, `\n`}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(pieces)).Draw(t, "text"), "")
		if _, err := ParseFilter(text, kinds); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// Every JSON string is decoded as encoding/json encoded it.
func TestParseFilterReadsJSONStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "string")
		quoted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(fmt.Sprintf(`{"a": %s}`, quoted), kinds)
		if err != nil || got.Condition != (Compare{"a", Equal, want}) {
			t.Fatalf("%s is %#v (%v)", quoted, got.Condition, err)
		}
	})
}

func TestParseSort(t *testing.T) {
	for text, want := range map[string][]SortKey{
		"":                     nil,
		"price":                {{"price", false}},
		"-last.height, price ": {{"last.height", true}, {"price", false}},
	} {
		if got, err := ParseSort(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v (%v)", text, got, err)
		}
	}
	for _, text := range []string{"price,", "--price", "-", "a..b", "$a", `a"b`} {
		if got, err := ParseSort(text); err == nil || !strings.HasPrefix(err.Error(), "sort: ") {
			t.Errorf("%q is %v (%v)", text, got, err)
		}
	}
}
