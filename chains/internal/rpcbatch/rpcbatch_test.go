package rpcbatch

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

const most = 3

// A batch is split as the standard library splits it, or refused.
func FuzzSplit(f *testing.F) {
	for _, body := range []string{`[{"id":1},2]`, `[]`, `[1,2,3,4]`, `[1,2,3`, `[1] x`, `[1,]`, "[[[", `{}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !strings.HasPrefix(string(body), "[") || !json.Valid(body) {
			return
		}
		var want []json.RawMessage
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		got, err := Split(body, most)
		if fits := len(want) > 0 && len(want) <= most; fits != (err == nil) || fits && !reflect.DeepEqual(got, want) || err != nil && !errors.Is(err, ErrSize) {
			t.Fatalf("%q is split into %q, %v", body, got, err)
		}
	})
}

func TestMalformedBatches(t *testing.T) {
	for _, body := range []string{"", "[", "[1", "[1,", "[1}", "[x]", "[1] x", "[1][2]", `["`, strings.Repeat("[", 20_000)} {
		if calls, err := Split([]byte(body), most); err == nil || errors.Is(err, ErrSize) {
			t.Errorf("%.20q: %q, %v", body, calls, err)
		}
	}
}

// The memory of a batch that is too large does not grow with it.
func TestLargeBatchesAreNotKept(t *testing.T) {
	body := []byte("[" + strings.Repeat("1,", 500_000) + "1]")
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := Split(body, most); !errors.Is(err, ErrSize) {
			t.Error(err)
		}
	})
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}
