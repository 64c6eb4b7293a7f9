package declaration

import (
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"event E(uint256 indexed a);":      "event|E|(|uint256|indexed|a|)|;",
		"a // b\nc":                        "a|c",
		"struct 0x1::m::S{id:u64}":         "struct|0x1::m::S|{|id|:|u64|}",
		"vector<0x1::option::Option<u8>> ": "vector|<|0x1::option::Option|<|u8|>|>",
		"uint[3][]  $x_1":                  "uint|[|3|]|[|]|$x_1",
		"ä b\xff€c ":                       "ä|b|\ufffd|€|c",
	} {
		var got []string
		for s := Scan(text); s.Peek() != ""; {
			got = append(got, s.Next())
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %s", text, got, want)
		}
	}
}

func TestSkip(t *testing.T) {
	s := Scan("event E")
	if s.Skip("struct") || !s.Skip("event") || s.Next() != "E" || s.Next() != "" || s.Skip("E") {
		t.Error("Skip consumes another token than its own, or not its own")
	}
}
