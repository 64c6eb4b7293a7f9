package documents

import (
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/persistence"
)

// Every declared field can be named in a filter, and any field within a free value.
func TestDeclaredFieldsExist(t *testing.T) {
	for _, c := range Collections() {
		for _, path := range c.paths() {
			if err := c.Check(path); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
	for collection, path := range map[string]string{
		persistence.Records: "fields.anything.below", persistence.Orders: "bundle.0.collection", persistence.Activities: "final",
		persistence.Actors: "endpoints.errors.timeout", persistence.SignedOrders: "ofTheInserter.own",
	} {
		if err := Of(collection).Check(path); err != nil {
			t.Errorf("%s: %v", collection, err)
		}
	}
}

// A misspelt field in a filter or a sort is an error that suggests the right one.
func TestUnknownFields(t *testing.T) {
	for path, want := range map[string]string{
		"statsu":           "(did you mean status?)",
		"Price":            "(did you mean price?)",
		"token.colection":  "(did you mean token.collection?)",
		"symbol":           "(did you mean currency.symbol?)",
		"last.height.deep": "last.height",
		"bundle.0.1":       `"bundle.0.1"`,
		"zzz":              ": its fields are _id, chain, market, key",
	} {
		_, err := ParseFilter(persistence.Orders, `{"`+path+`": {$exists: true}}`)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "character 2") {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		if _, err := ParseSort(persistence.Orders, "-time, "+path); err == nil {
			t.Errorf("sorted by %s", path)
		}
		if _, err := ParseSort(persistence.Orders, "-"+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sort by %s: %v, want %s", path, err, want)
		}
	}
	if _, err := ParseFilter(persistence.Actors, `{final: true}`); err == nil {
		t.Error("actors are final")
	}
	if _, err := ParseSort(persistence.Orders, "final"); err == nil || !strings.Contains(err.Error(), "not stored") {
		t.Errorf("sorted by final: %v", err)
	}
}

// Equality with a text that the field's enum does not have is an error; comparisons with
// null, and with greater or less, are not.
func TestUnknownWords(t *testing.T) {
	for filter, want := range map[string]string{
		`{status: "sold"}`:                            "(did you mean SOLD?)",
		`{status: {$in: ["SOLD", "LISTNIG"]}}`:        "(did you mean LISTING?)",
		`{$or: [{status: {$not: {$ne: "gone"}}}]}`:    `status is never "gone": it is one of LISTING, PARTIAL`,
		`{"fillable.answer": "maybe"}`:                "it is one of yes, no, unknown",
		`{side: "ASK"}`:                               "(did you mean ask?)",
		`{"fillable.reasons": "owners"}`:              "(did you mean owner?)",
		`{status: {$ne: "x"}}`:                        "status",
		`{status: {$nin: ["SOLD", "CANCELLED"]}}`:     "(did you mean CANCELED?)",
		`{"fillable.answer": {$in: ["yes", "YES!"]}}`: "(did you mean yes?)",
	} {
		if _, err := ParseFilter(persistence.Orders, filter); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", filter, err, want)
		}
	}
	for _, filter := range []string{`{status: null}`, `{status: {$gt: "M"}}`, `{status: {$exists: false}}`, `{status: {$in: ["SOLD", null]}}`} {
		if _, err := ParseFilter(persistence.Orders, filter); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
	if _, err := ParseFilter(persistence.SignedOrders, `{state: "waits"}`); err != nil {
		t.Errorf("a state inserted by another program: %v", err)
	}
}

// The spellings of an address, in any form, include the stored form and the address itself.
func TestSpellingsOfAddresses(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		evm := common.BytesToAddress(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(r, "address")).Hex()
		aptos := "0x" + strings.Repeat("0", rapid.IntRange(0, 63).Draw(r, "zeros"))
		for len(aptos) < 66 {
			aptos += string(rapid.SampledFrom([]rune("123456789abcdef")).Draw(r, "digit"))
		}
		short := "0x" + strings.TrimLeft(aptos[2:], "0")
		for _, c := range []struct{ stored, written string }{
			{evm, disguised(r, evm)}, {aptos, disguised(r, aptos)}, {aptos, disguised(r, short)},
			{aptos + "::coin::T<" + aptos + "::a::B>", short + "::coin::T<" + short + "::a::B>"},
		} {
			for _, path := range []string{"maker", "token.collection", "currency.address", "prices.currency.address", "fees.receiver"} {
				got, err := Of(persistence.Orders).Spellings(path, c.written)
				if err != nil || !slices.Contains(got, c.stored) || got[0] != c.written || len(got) > 3 {
					r.Fatalf("%s %s: %q (%v), want %s", path, c.written, got, err, c.stored)
				}
			}
		}
		key := aptos + "@" + evm // 64 digits are a hash here
		if got, err := Of(persistence.Activities).Spellings("order", disguised(r, aptos)+"@"+disguised(r, evm)); err != nil || !slices.Contains(got, key) {
			r.Fatalf("%q (%v), want %s", got, err, key)
		}
		if got, err := Of(persistence.Activities).Spellings("transaction", disguised(r, aptos)); err != nil || !slices.Contains(got, aptos) {
			r.Fatalf("%q (%v), want %s", got, err, aptos)
		}
	})
	for _, text := range []string{"", "0x", "Ice Blue #1388", "0xzz"} {
		if got, err := Of(persistence.Orders).Spellings("token.name", text); err != nil || !slices.Equal(got, []string{text}) {
			t.Errorf("%q: %q (%v)", text, got, err)
		}
	}
}

// disguised returns a hexadecimal number with each digit in random case.
func disguised(r *rapid.T, number string) string {
	out := []byte(number)
	for i := range out[2:] {
		if rapid.Bool().Draw(r, "upper") {
			out[2+i] = strings.ToUpper(number[2+i : 3+i])[0]
		} else {
			out[2+i] = strings.ToLower(number[2+i : 3+i])[0]
		}
	}
	return string(out)
}
