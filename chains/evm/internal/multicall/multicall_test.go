package multicall

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"
)

const definition = `[{"name":"aggregate3","type":"function","stateMutability":"payable",
	"inputs":[{"name":"calls","type":"tuple[]","components":[{"name":"target","type":"address"},{"name":"allowFailure","type":"bool"},{"name":"callData","type":"bytes"}]}],
	"outputs":[{"name":"returnData","type":"tuple[]","components":[{"name":"success","type":"bool"},{"name":"returnData","type":"bytes"}]}]},
	{"name":"getBlockNumber","type":"function","inputs":[],"outputs":[]},{"name":"getCurrentBlockTimestamp","type":"function","inputs":[],"outputs":[]}]`

type call3 struct {
	Target       common.Address
	AllowFailure bool
	CallData     []byte
}

type answer3 struct {
	Success    bool
	ReturnData []byte
}

func parsed(t testing.TB) abi.ABI {
	t.Helper()
	all, err := abi.JSON(strings.NewReader(definition))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The coding is that of the ABI, and answers are kept up to their limit.
func TestCoding(t *testing.T) {
	all := parsed(t)
	if !bytes.Equal(all.Methods["getBlockNumber"].ID, BlockNumber) || !bytes.Equal(all.Methods["getCurrentBlockTimestamp"].ID, BlockTime) {
		t.Error("other selectors")
	}
	rapid.Check(t, func(t *rapid.T) {
		calls := []Call{}
		given := []call3{}
		answers := []answer3{}
		for range rapid.IntRange(0, 6).Draw(t, "calls") {
			c := Call{
				To:    [20]byte(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "to")),
				Data:  rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "data"),
				Limit: rapid.IntRange(0, 100).Draw(t, "limit"),
			}
			calls, given = append(calls, c), append(given, call3{c.To, true, c.Data})
			answers = append(answers, answer3{rapid.Bool().Draw(t, "success"), rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "answer")})
		}
		want, err := all.Pack("aggregate3", given)
		if got := Encode(calls); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x, %v", got, want, err)
		}
		packed, err := all.Methods["aggregate3"].Outputs.Pack(answers)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode([]byte(hex.EncodeToString(packed)), calls)
		if err != nil || len(got) != len(calls) {
			t.Fatalf("%d answers, %v", len(got), err)
		}
		for i, a := range got {
			var kept []byte
			if answers[i].Success && len(answers[i].ReturnData) <= calls[i].Limit {
				kept = answers[i].ReturnData
			}
			if a.OK != answers[i].Success || a.Size != len(answers[i].ReturnData) || !bytes.Equal(a.Data, kept) || (a.Data == nil) != (kept == nil) {
				t.Fatalf("answer %d: %+v of %+v", i, a, answers[i])
			}
		}
		if _, err := Decode([]byte(hex.EncodeToString(packed)), append(calls, Call{})); !errors.Is(err, ErrMalformed) {
			t.Fatalf("an answer too few: %v", err)
		}
	})
}

// Whatever is answered is decoded or ErrMalformed, and nothing beyond the limits is kept.
func FuzzDecode(f *testing.F) {
	word := func(n string) string { return strings.Repeat("0", 64-len(n)) + n }
	good := word("20") + word("2") + word("40") + word("c0") + word("1") + word("40") + word("1") + word("1") + word("0") + word("40") + word("0")
	for _, seed := range []string{"", "0", good, good[:len(good)-1], strings.Repeat("f", 640), strings.Repeat(word("20"), 12), strings.ReplaceAll(good, word("1"), word("7fffffff"))} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, digits []byte) {
		calls := make([]Call, 2)
		for i := range calls {
			calls[i].Limit = 40
		}
		answers, err := Decode(digits, calls)
		if err != nil {
			if !errors.Is(err, ErrMalformed) || answers != nil {
				t.Fatalf("%v, %v", answers, err)
			}
			return
		}
		for _, a := range answers {
			if len(answers) != len(calls) || len(a.Data) > 40 || a.Size < 0 || a.Size > len(digits)/2 {
				t.Fatalf("%+v", answers)
			}
		}
	})
}
