package endpoint

import "testing"

func TestALimitOnTheRangeIsNotTakenForOneOnResults(t *testing.T) {
	tests := map[string]Refusal{
		"eth_getLogs is limited to a 10,000 range":                     {Class: RangeTooLarge, Limit: 10_000},
		"eth_getLogs is limited to a 2000 block range":                 {Class: RangeTooLarge, Limit: 2000},
		"logs matched by query exceeds limit of 10000":                 {Class: TooManyResults},
		"query exceeds max results 20000, retry with the range 1-1000": {Class: TooManyResults},
	}
	for text, want := range tests {
		got := Classify(0, -32602, text)
		if got.Class != want.Class || got.Limit != want.Limit {
			t.Errorf("%q: %s, limit %d; want %s, %d", text, got.Class, got.Limit, want.Class, want.Limit)
		}
	}
}
