package tokens

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/imart/event-worker/markets"
)

// The newer place of a name counts, unless it is empty.
func TestDescribe(t *testing.T) {
	token := "0x" + strings.Repeat("0", 63) + "4"
	older := markets.AptosResource{Address: token, Type: tokenType, Data: json.RawMessage(`{"name":"old"}`)}
	newer := func(name string) markets.AptosResource {
		return markets.AptosResource{Address: token, Type: identifiersType, Data: json.RawMessage(`{"name":{"value":"` + name + `"}}`)}
	}
	for _, c := range []struct {
		resources []markets.AptosResource
		want      string
	}{
		{[]markets.AptosResource{older}, "old"},
		{[]markets.AptosResource{older, newer("new")}, "new"},
		{[]markets.AptosResource{newer("new"), older}, "new"},
		{[]markets.AptosResource{older, newer("")}, "old"},
		{[]markets.AptosResource{{Address: token, Type: tokenType, Data: json.RawMessage(`{"collection":{"inner":"?"},"name":7}`)}}, ""},
		{[]markets.AptosResource{{Address: token, Type: identifiersType, Data: json.RawMessage(`{`)}}, ""},
		{[]markets.AptosResource{{Address: "0x04", Type: tokenType, Data: json.RawMessage(`{"name":"another's"}`)}}, ""},
	} {
		if _, got := Describe(token, &markets.AptosTransaction{Resources: c.resources}); got != c.want {
			t.Errorf("name = %q, want %q", got, c.want)
		}
	}
}
