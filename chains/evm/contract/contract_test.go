package contract

import (
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/chains"
)

var (
	to    = [20]byte{0xc0, 19: 1}
	owner = [20]byte{0xa0, 19: 2}
	other = [20]byte{0xb0, 19: 3}
	hash  = [32]byte{0xd0, 31: 4}
	id    = uint256.NewInt(7)
)

// arguments are the ABI's types by name.
func arguments(t testing.TB, types ...string) (args abi.Arguments) {
	t.Helper()
	for _, name := range types {
		typ, err := abi.NewType(name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, abi.Argument{Type: typ})
	}
	return args
}

// Each call is what the ABI says for its function.
func TestCalls(t *testing.T) {
	big7 := big.NewInt(7)
	for signature, test := range map[string]struct {
		call chains.ContractCall
		args []any
	}{
		"getOrderStatus(bytes32)":           {OrderStatus(to, hash), []any{hash}},
		"getCounter(address)":               {Counter(to, owner), []any{common.Address(owner)}},
		"information()":                     {Information(to), nil},
		"getConduit(bytes32)":               {Conduit(to, hash), []any{hash}},
		"ownerOf(uint256)":                  {OwnerOf(to, id), []any{big7}},
		"getApproved(uint256)":              {GetApproved(to, id), []any{big7}},
		"isApprovedForAll(address,address)": {IsApprovedForAll(to, owner, other), []any{common.Address(owner), common.Address(other)}},
		"balanceOf(address,uint256)":        {BalanceOfToken(to, owner, id), []any{common.Address(owner), big7}},
		"balanceOf(address)":                {BalanceOf(to, owner), []any{common.Address(owner)}},
		"allowance(address,address)":        {Allowance(to, owner, other), []any{common.Address(owner), common.Address(other)}},
		"symbol()":                          {Symbol(to), nil},
		"name()":                            {Name(to), nil},
		"decimals()":                        {Decimals(to), nil},
		"isValidSignature(bytes32,bytes)":   {IsValidSignature(to, hash, make([]byte, 65)), []any{hash, make([]byte, 65)}},
	} {
		types := strings.FieldsFunc(signature[strings.IndexByte(signature, '('):], func(r rune) bool { return strings.ContainsRune("(),", r) })
		packed, err := arguments(t, types...).Pack(test.args...)
		if err != nil {
			t.Fatal(err)
		}
		want := hex.EncodeToString(crypto.Keccak256([]byte(signature))[:4]) + hex.EncodeToString(packed)
		if got := hex.EncodeToString(test.call.Data); got != want || test.call.To != to {
			t.Errorf("%s: %s to %x, want %s", signature, got, test.call.To, want)
		}
	}
}

// answered is a result of values packed by the ABI.
func answered(t testing.TB, types []string, values ...any) chains.CallResult {
	t.Helper()
	data, err := arguments(t, types...).Pack(values...)
	if err != nil {
		t.Fatal(err)
	}
	return chains.CallResult{Data: data}
}

func TestAnswersOfSeaport(t *testing.T) {
	status := []string{"bool", "bool", "uint256", "uint256"}
	got, err := Status(answered(t, status, true, false, big.NewInt(1), big.NewInt(3)))
	if err != nil || !got.Validated || got.Cancelled || got.Filled.Uint64() != 1 || got.Size.Uint64() != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Status(answered(t, status, false, true, big.NewInt(4), big.NewInt(3))); !errors.Is(err, ErrMalformed) || got.Cancelled {
		t.Errorf("4 of 3 filled: %+v, %v", got, err)
	}
	about, err := SeaportOf(answered(t, []string{"string", "bytes32", "address"}, "1.6", hash, common.Address(other)))
	if err != nil || about != (Seaport{"1.6", hash, other}) {
		t.Errorf("%+v, %v", about, err)
	}
	conduit, exists, err := ConduitOf(answered(t, []string{"address", "bool"}, common.Address(other), true))
	if err != nil || conduit != other || !exists {
		t.Errorf("%x, %v, %v", conduit, exists, err)
	}
}

func TestAnswersOfTokens(t *testing.T) {
	if got, err := Address(answered(t, []string{"address"}, common.Address(owner))); err != nil || got != owner {
		t.Errorf("%x, %v", got, err)
	}
	if got, err := Bool(answered(t, []string{"bool"}, true)); err != nil || !got {
		t.Errorf("%v, %v", got, err)
	}
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	if got, err := Uint(answered(t, []string{"uint256"}, most)); err != nil || got.ToBig().Cmp(most) != 0 {
		t.Errorf("%s, %v", got, err)
	}
	for n, ok := range map[int64]bool{0: true, 18: true, 77: true, 78: false, 1 << 40: false} {
		if got, err := DecimalsOf(answered(t, []string{"uint256"}, big.NewInt(n))); (err == nil) != ok || ok && int64(got) != n {
			t.Errorf("%d decimals: %d, %v", n, got, err)
		}
	}
	magic := [4]byte{0x16, 0x26, 0xba, 0x7e}
	if got, err := Valid(answered(t, []string{"bytes4"}, magic)); err != nil || !got {
		t.Errorf("valid: %v, %v", got, err)
	}
	if got, err := Valid(answered(t, []string{"bytes4"}, [4]byte{0xff, 0xff, 0xff, 0xff})); err != nil || got {
		t.Errorf("not valid: %v, %v", got, err)
	}
}

func TestText(t *testing.T) {
	old := func(text string) chains.CallResult {
		var word [32]byte
		copy(word[:], text)
		return chains.CallResult{Data: word[:]}
	}
	for name, test := range map[string]struct {
		answer chains.CallResult
		want   string // empty: malformed
	}{
		"string":           {answered(t, []string{"string"}, "WETH"), "WETH"},
		"32 bytes":         {old("MKR"), "MKR"},
		"spaces":           {answered(t, []string{"string"}, " \t A\u00a0B \n"), "A B"},
		"escape sequences": {answered(t, []string{"string"}, "\x1b[2JA\x00B\r"), "[2JAB"},
		"direction":        {answered(t, []string{"string"}, "\u202eCDSU\u2066"), "CDSU"},
		"zero width":       {answered(t, []string{"string"}, "U\u200bSDC\ufeff"), "USDC"},
		"not UTF-8":        {answered(t, []string{"string"}, "A\xff\xfeB"), "AB"},
		"other scripts":    {answered(t, []string{"string"}, "₮猫🐈"), "₮猫🐈"},
		"too long":         {answered(t, []string{"string"}, strings.Repeat("é", 500)), strings.Repeat("é", 32)},
		"cut at a space":   {answered(t, []string{"string"}, strings.Repeat("x", 31)+" y"), strings.Repeat("x", 31)},
		"empty":            {answered(t, []string{"string"}, ""), ""},
		"nothing printed":  {answered(t, []string{"string"}, "\x00\u202e "), ""},
		"32 zeros":         {old(""), ""},
		"beyond the end":   {answered(t, []string{"uint256", "uint256", "uint256"}, big.NewInt(64), big.NewInt(0), big.NewInt(33)), ""},
		"start at the end": {answered(t, []string{"uint256", "uint256"}, big.NewInt(64), big.NewInt(0)), ""},
		"huge start":       {answered(t, []string{"uint256", "uint256"}, new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(0)), ""},
		"huge size":        {answered(t, []string{"uint256", "uint256"}, big.NewInt(32), new(big.Int).Lsh(big.NewInt(1), 64)), ""},
	} {
		got, err := Text(test.answer)
		if got != test.want || errors.Is(err, ErrMalformed) != (test.want == "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

// decoders are all decoders, each returning whether it has returned something.
var decoders = map[string]func(chains.CallResult) (bool, error){
	"status":   func(r chains.CallResult) (bool, error) { v, err := Status(r); return v != OrderState{}, err },
	"seaport":  func(r chains.CallResult) (bool, error) { v, err := SeaportOf(r); return v != Seaport{}, err },
	"conduit":  func(r chains.CallResult) (bool, error) { v, ok, err := ConduitOf(r); return ok || v != [20]byte{}, err },
	"address":  func(r chains.CallResult) (bool, error) { v, err := Address(r); return v != [20]byte{}, err },
	"bool":     func(r chains.CallResult) (bool, error) { return Bool(r) },
	"uint":     func(r chains.CallResult) (bool, error) { v, err := Uint(r); return v != nil, err },
	"decimals": func(r chains.CallResult) (bool, error) { v, err := DecimalsOf(r); return v != 0, err },
	"text":     func(r chains.CallResult) (bool, error) { v, err := Text(r); return v != "", err },
	"valid":    func(r chains.CallResult) (bool, error) { return Valid(r) },
}

// No decoder takes an error, nothing, or a few bytes for a value, or fails on any bytes.
func TestBadAnswers(t *testing.T) {
	reverted := chains.CallResult{Data: make([]byte, 320), Err: chains.ErrReverted}
	for name, decode := range decoders {
		for want, r := range map[error]chains.CallResult{chains.ErrReverted: reverted, ErrEmpty: {}, ErrMalformed: {Data: make([]byte, 31)}} {
			if is, err := decode(r); is || !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	ones := chains.CallResult{Data: []byte(strings.Repeat("\xff", 320))}
	for _, name := range []string{"status", "seaport", "conduit", "address", "bool", "decimals", "text"} {
		if is, err := decoders[name](ones); is || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s of ones: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) [32]byte { return uint256.NewInt(rapid.Uint64Range(0, 200).Draw(t, "n")).Bytes32() }),
			rapid.Custom(func(t *rapid.T) [32]byte { return [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "bytes")) }))
		var data []byte
		for _, w := range rapid.SliceOfN(word, 0, 8).Draw(t, "words") {
			data = append(data, w[:]...)
		}
		r := chains.CallResult{Data: data[:len(data)-rapid.IntRange(0, min(31, len(data))).Draw(t, "cut")]}
		for name, decode := range decoders {
			if is, err := decode(r); is && err != nil {
				t.Fatalf("%s: a value and %v", name, err)
			}
		}
		if text, err := Text(r); err == nil && (text == "" || !utf8.ValidString(text) || utf8.RuneCountInString(text) > 32 ||
			strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })) {
			t.Fatalf("%q", text)
		}
	})
}
