package persistence

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestCheckCopy(t *testing.T) {
	for _, test := range []struct {
		original, stored string
		same             bool
	}{
		{`{"a":1}`, `{"a":1}`, true},
		{`{"a":1,"b":"\u0078"}`, `{"b": "x", "a": 1}`, true},
		{`{"a":1}`, `{"a":2}`, false},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":9007199254740993}`, `{"a": 9007199254740992}`, false},
		{`{"a":1.0}`, `{"a":1}`, false},
		{`{"a":{"b":[1]}}`, `{"a":{"b":[2]}}`, false},
		{`{"a":1}{"a":1}`, `{"a":1}`, false},
		{`[1]`, `{"a":1}`, false},
		{`null`, `{"a":1}`, false},
	} {
		if err := CheckCopy(json.RawMessage(test.original), json.RawMessage(test.stored)); (err == nil) != test.same {
			t.Errorf("%s as %s: %v", test.original, test.stored, err)
		}
	}
}

func TestNameCopied(t *testing.T) {
	wrong := errors.New("wrong")
	for doc, names := range map[string]string{
		`{"_id":"a/b/c","x":1}`:          `orders: document "a/b/c" cannot be copied: wrong`,
		`{"_id":7}`:                      `orders: a document cannot be copied: "{\"_id\":7}": wrong`,
		`{` + strings.Repeat("x", 1_000): `orders: a document cannot be copied: "{xxx`,
	} {
		err := NameCopied(Orders, json.RawMessage(doc), wrong)
		if !errors.Is(err, wrong) || !strings.HasPrefix(err.Error(), names) || len(err.Error()) > 300 {
			t.Errorf("%v", err)
		}
	}
}
