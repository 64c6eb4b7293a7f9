package signature

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"pgregory.net/rapid"
)

// sample is a signed order as JSON, in which the tests make one thing wrong.
func sample(t testing.TB) map[string]any {
	t.Helper()
	for _, f := range fixtures(t, "plain") {
		var order map[string]any
		if err := json.Unmarshal(f.Order, &order); err != nil {
			t.Fatal(err)
		}
		if len(order["parameters"].(map[string]any)["consideration"].([]any)) == 2 {
			return order
		}
	}
	t.Fatal("no order with two items")
	return nil
}

// set sets a value at a path.
func set(within any, path string, value any) {
	at, rest, deeper := strings.Cut(path, ".")
	switch within := within.(type) {
	case map[string]any:
		if deeper {
			set(within[at], rest, value)
		} else if value == "-" {
			delete(within, at)
		} else {
			within[at] = value
		}
	case []any:
		if deeper {
			set(within[at[0]-'0'], rest, value)
		} else {
			within[at[0]-'0'] = value
		}
	}
}

func TestProblemsNameTheirFields(t *testing.T) {
	beyond := "115792089237316195423570985008687907853269984665640564039457584007913129639936" // 2^256
	for _, c := range []struct {
		field  string
		value  any // "-": none
		reason string
	}{
		{"parameters", "-", "missing"},
		{"parameters", nil, "null, not an object"},
		{"parameters", "{}", "a string, not an object"},
		{"parameters", []any{}, "a list, not an object"},
		{"signature", "-", "missing"},
		{"signature", 7, "a number, not a string"},
		{"signature", "abcd", "does not begin with 0x"},
		{"signature", "0xabc", "not hex"},
		{"signature", "0xzz", "not hex"},
		{"signature", "0x" + strings.Repeat("ab", MaxSignature+1), "8193 bytes are too many"},
		{"signatur", "0x", "unknown field"},
		{"chain", 1, "a number, not a string"},
		{"market", nil, "null, not a string"},
		{"contract", "0x12", "is 1 bytes, not 20"},
		{"parameters.offerer", "-", "missing"},
		{"parameters.offerer", "", "does not begin with 0x"},
		{"parameters.offerer", "0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D02", "not hex"},
		{"parameters.offerer", "0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D02500", "21 bytes are too many"},
		{"parameters.offerer", "0x17c5185167401ed00cF5F5b2fc97D9BBfDb7D025", "checksum"},
		{"parameters.zone", true, "true or false, not a string"},
		{"parameters.orderType", 4, "4 is not one of 0 to 3"},
		{"parameters.orderType", "-1", "not an integer"},
		{"parameters.startTime", "2024-01-01", "not an integer"},
		{"parameters.startTime", 1.5, "not an integer"},
		{"parameters.endTime", 1e21, "not an integer"},
		{"parameters.endTime", "", "not an integer"},
		{"parameters.endTime", "+5", "not an integer"},
		{"parameters.counter", "-", "missing"},
		{"parameters.counter", beyond, "beyond 256 bits"},
		{"parameters.counter", "0x1" + strings.Repeat("0", 64), "beyond 256 bits"},
		{"parameters.counter", strings.Repeat("9", 10_000), "10000 digits is beyond 256 bits"},
		{"parameters.counter", map[string]any{"$numberDecimal": "1"}, "an object, not an integer"},
		{"parameters.salt", "0x", "not an integer"},
		{"parameters.salt", "0xg", "not an integer"},
		{"parameters.zoneHash", "0x00", "is 1 bytes, not 32"},
		{"parameters.conduitKey", 0, "a number, not a string"},
		{"parameters.totalOriginalConsiderationItems", 1, "consideration has 2 items"},
		{"parameters.nonce", "1", "unknown field"},
		{"parameters.offer", "-", "missing"},
		{"parameters.offer", map[string]any{}, "an object, not a list"},
		{"parameters.offer", make([]any, 1000), "1000 items are too many"},
		{"parameters.offer.0", nil, "null, not an object"},
		{"parameters.offer.0.recipient", "0x00", "unknown field"},
		{"parameters.offer.0.itemType", 6, "6 is not one of 0 to 5"},
		{"parameters.offer.0.startAmount", beyond, "beyond 256 bits"},
		{"parameters.offer.0.token", []any{[]any{[]any{}}}, "objects or lists where an order has none"},
		{"parameters.consideration.1.recipient", "-", "missing"},
		{"parameters.consideration.1.identifierOrCriteria", false, "true or false, not an integer"},
	} {
		order := sample(t)
		set(order, c.field, c.value)
		text, err := json.Marshal(order)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(text)
		var p *Problem
		if !errors.As(err, &p) || !strings.HasPrefix(p.Field, c.field) || !strings.Contains(p.Reason, c.reason) || len(err.Error()) > 500 {
			t.Errorf("%s %.50v: %v\nwant %q", c.field, c.value, err, c.reason)
		}
	}
}

func TestTextsThatAreNoOrders(t *testing.T) {
	for text, reason := range map[string]string{
		"":                             "ends too early",
		"{":                            "ends too early",
		`{"a"`:                         "not JSON",
		"null":                         "null, not an object",
		"[]":                           "a list, not an object",
		"nonsense":                     "not JSON",
		`{"signature":"0x"}{}`:         "more after",
		`{"chain":"a","chain":"b"}`:    "chain: it is there twice",
		strings.Repeat("[", 100_000):   "where an order has none",
		strings.Repeat(" ", MaxText+1): "too many",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.20q: %v, want %q", text, err, reason)
		}
	}
}

// Numbers may be JSON integers, decimal and hex strings: one order, one hash.
func TestFormsOfNumbers(t *testing.T) {
	text, _ := json.Marshal(sample(t))
	want := parse(t, text)
	for field, forms := range map[string][]any{
		"parameters.startTime":                       {1700000000, "1700000000", "0x6553f100", "0x6553F100", "001700000000"},
		"parameters.salt":                            {"0x" + fmt.Sprintf("%064x", 5), "5", 5},
		"parameters.totalOriginalConsiderationItems": {2, "2", "-"},
		"parameters.consideration.1.startAmount":     {"25", 25, "0x19"},
		"parameters.offer.0.itemType":                {"2", 2},
		"parameters.consideration.0.recipient":       {strings.ToLower(want.Parameters.Offerer), want.Parameters.Offerer},
	} {
		var first Order
		for i, form := range forms {
			order := sample(t)
			set(order, field, form)
			text, _ := json.Marshal(order)
			o := parse(t, text)
			if i == 0 {
				first = o
			}
			if o.Hash() != first.Hash() || asText(o) != asText(first) {
				t.Errorf("%s %v: %s\nwant %s", field, form, asText(o), asText(first))
			}
		}
	}
}

// What is parsed is the same again when it is written.
func TestParsedOrdersAreRead(t *testing.T) {
	for _, f := range fixtures(t, "plain", "bulk", "contract") {
		o := parse(t, f.Order)
		text, _ := json.Marshal(map[string]any{"parameters": o.Parameters, "signature": hexutil.Encode(o.Signature), "chain": "ethereum", "market": "seaport", "contract": f.Contract})
		again := parse(t, text)
		if asText(again) != asText(o) || again.Chain != "ethereum" || again.Market != "seaport" || again.Contract != f.Contract.Hex() {
			t.Errorf("%+v\nwant %+v", again, o)
		}
	}
}

// Whatever a text is: an order, or a problem; never a panic.
func TestAnyTextHasAnAnswer(t *testing.T) {
	order, _ := json.Marshal(sample(t))
	rapid.Check(t, func(t *rapid.T) {
		text := append([]byte(nil), order...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text[at] = rapid.Byte().Draw(t, "byte")
		}
		o, err := Parse(text)
		var p *Problem
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v", err)
		}
		if err == nil {
			verify(t, o, Domain{Version: "1.6", ChainID: 1})
		}
	})
}

func asText(o Order) string {
	text, _ := json.Marshal(o.Parameters)
	return string(text)
}
