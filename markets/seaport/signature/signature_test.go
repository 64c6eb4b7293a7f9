package signature

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// Orders signed by seaport-js and ethers: see testdata/make.mjs.
//
//go:embed testdata/signatures.json
var recorded []byte

type fixture struct {
	Name, Version           string
	ChainID                 uint64
	Contract                common.Address
	Hash, Separator, Digest common.Hash
	Height, Index           int
	Data                    string
	Order                   json.RawMessage
}

func (f fixture) domain() Domain { return Domain{f.Version, f.ChainID, f.Contract} }

func fixtures(t testing.TB, names ...string) []fixture {
	t.Helper()
	var all []fixture
	if err := json.Unmarshal(recorded, &all); err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(f fixture) bool { return !slices.Contains(names, f.Name) })
	if len(all) == 0 {
		t.Fatal("no fixtures")
	}
	return all
}

func parse(t testing.TB, text []byte) Order {
	t.Helper()
	o, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func verify(t interface {
	Helper()
	Fatal(...any)
}, o Order, d Domain) Verdict {
	t.Helper()
	v, err := o.Verify(d)
	if err != nil {
		t.Fatal(err)
	}
	if v.Valid != (v.Call == nil) || v.Valid != (v.Reason == nil) {
		t.Fatal("a verdict that is neither", v)
	}
	return v
}

func TestHashesAreThoseOfEthers(t *testing.T) {
	for _, f := range fixtures(t, "plain", "seaport-js", "bulk", "contract") {
		o := parse(t, f.Order)
		if o.Hash() != f.Hash || f.domain().Separator() != f.Separator || f.domain().Digest(o.Hash()) != f.Digest {
			t.Errorf("%s: hash %s, separator %s, digest %s", f.Name, o.Hash(), f.domain().Separator(), f.domain().Digest(o.Hash()))
		}
		if key := o.Key(f.Contract); key != f.Hash.Hex()+"@"+f.Contract.Hex() {
			t.Errorf("key %s", key)
		}
		if VersionAt(f.Contract) != f.Version {
			t.Errorf("version %q at %s", VersionAt(f.Contract), f.Contract)
		}
	}
}

func TestSignaturesOfSeaportJSAreValid(t *testing.T) {
	heights := map[int]bool{}
	for _, f := range fixtures(t, "plain", "compact", "seaport-js", "bulk") {
		if v := verify(t, parse(t, f.Order), f.domain()); !v.Valid {
			t.Errorf("%s %s, height %d, index %d: %v", f.Name, f.Version, f.Height, f.Index, v.Reason)
		}
		heights[f.Height] = true
	}
	for _, height := range []int{1, 2, 3, 6, 8, 16, 24} {
		if !heights[height] {
			t.Errorf("no bulk order of height %d", height)
		}
	}
}

// Of a domain, everything is signed.
func TestAnotherDomainIsRefused(t *testing.T) {
	for _, f := range fixtures(t, "plain", "compact", "bulk") {
		o := parse(t, f.Order)
		for _, version := range Versions() {
			d := f.domain()
			d.Version = version
			if v := verify(t, o, d); v.Valid != (version == f.Version) {
				t.Errorf("%s of %s for %s: %v", f.Name, f.Version, version, v.Valid)
			}
		}
		chain, contract := f.domain(), f.domain()
		chain.ChainID++
		contract.Contract[0]++
		for _, d := range []Domain{chain, contract} {
			if v := verify(t, o, d); v.Valid || !strings.Contains(v.Reason.Error(), "not by the offerer") {
				t.Errorf("%s on %s: %v", f.Name, d, v.Reason)
			}
		}
	}
	if _, err := parse(t, fixtures(t, "plain")[0].Order).Verify(Domain{Version: "2.0"}); err == nil {
		t.Error("an unknown version has a verdict")
	}
}

// Seaport 1.1 has no bulk orders: it asks the maker's contract.
func TestBulkOrdersAreOfLaterVersions(t *testing.T) {
	for _, f := range fixtures(t, "bulk") {
		d := f.domain()
		d.Version = "1.1"
		o := parse(t, f.Order)
		v := verify(t, o, d)
		if v.Valid || v.Call.Digest != d.Digest(f.Hash) || !strings.Contains(v.Reason.Error(), "bytes are not a signature") {
			t.Errorf("%+v", v)
		}
	}
}

func TestLengthsOfBulkSignatures(t *testing.T) {
	want := map[int]bool{}
	for height := 1; height <= 24; height++ {
		want[64+3+32*height], want[65+3+32*height] = true, true
	}
	for length := range 1000 {
		if isBulk(make([]byte, length)) != want[length] {
			t.Errorf("%d bytes: %v", length, !want[length])
		}
	}
}

func TestContractsAreAsked(t *testing.T) {
	for _, f := range fixtures(t, "contract") {
		o := parse(t, f.Order)
		v := verify(t, o, f.domain())
		if v.Valid {
			t.Fatal("valid without the contract's word")
		}
		if data := "0x" + hex.EncodeToString(v.Call.Data()); data != f.Data || v.Call.To.Hex() != o.Parameters.Offerer {
			t.Errorf("asks %s: %s\nwant %s", v.Call.To, data, f.Data)
		}
	}
	for _, f := range fixtures(t, "bulk") { // a contract is asked about the order, not the tree
		o := parse(t, f.Order)
		o.Parameters.Offerer = f.Contract.Hex()
		if v := verify(t, o, f.domain()); v.Call.Digest != f.domain().Digest(o.Hash()) || !slices.Equal(v.Call.Signature, o.Signature) {
			t.Errorf("asks for %+v", v.Call)
		}
	}
	answer := common.RightPadBytes(Magic[:], 32)
	for _, c := range []struct {
		answer []byte
		want   bool
	}{
		{answer, true},
		{append(slices.Clone(answer), 1), true}, // only the first word is read
		{nil, false},
		{Magic[:], false},
		{make([]byte, 32), false},
		{append(slices.Clone(Magic[:]), slices.Repeat([]byte{1}, 28)...), false},
		{slices.Repeat([]byte{0xff}, 32), false},
	} {
		if (Call{}).Accepts(c.answer) != c.want {
			t.Errorf("%x accepted: %v", c.answer, !c.want)
		}
	}
}

func TestSignaturesWithReasons(t *testing.T) {
	f := fixtures(t, "plain")[0]
	o := parse(t, f.Order)
	for _, c := range []struct {
		change func([]byte) []byte
		reason string
	}{
		{func(s []byte) []byte { return nil }, "empty"},
		{func(s []byte) []byte { return s[:63] }, "63 bytes"},
		{func(s []byte) []byte { return append(s, 1) }, "66 bytes"},
		{func(s []byte) []byte { s[64] -= 27; return s }, "not 27 or 28"},
		{func(s []byte) []byte { s[64] ^= 7; return s }, "not by the offerer"}, // 27 and 28
		{func(s []byte) []byte { clear(s[:32]); return s }, "r or s"},
		{func(s []byte) []byte { clear(s[32:64]); return s }, "r or s"},
		{func(s []byte) []byte { copy(s, slices.Repeat([]byte{0xff}, 32)); return s }, "r or s"},
		{func(s []byte) []byte { copy(s, common.LeftPadBytes([]byte{5}, 32)); return s }, "no key"}, // no point has this x
	} {
		changed := o
		changed.Signature = c.change(slices.Clone(o.Signature))
		if v := verify(t, changed, f.domain()); v.Valid || !strings.Contains(v.Reason.Error(), c.reason) {
			t.Errorf("%x: %v, want %q", changed.Signature, v.Reason, c.reason)
		}
	}
}

// The zero address is what ecrecover returns of nothing, and has signed nothing.
func TestTheZeroAddressSignsNothing(t *testing.T) {
	f := fixtures(t, "plain")[0]
	o := parse(t, f.Order)
	o.Parameters.Offerer = common.Address{}.Hex()
	for _, signature := range [][]byte{nil, make([]byte, 64), make([]byte, 65), append(make([]byte, 64), 27)} {
		o.Signature = signature
		if verify(t, o, f.domain()).Valid {
			t.Errorf("%x is valid", signature)
		}
	}
}

// other is the other form of a signature of 65 bytes that ecrecover gives the same key for.
func other(signature []byte) []byte {
	s := new(big.Int).Sub(crypto.S256().Params().N, new(big.Int).SetBytes(signature[32:64]))
	return slices.Concat(signature[:32], common.LeftPadBytes(s.Bytes(), 32), []byte{55 - signature[64]}, signature[65:])
}

// What Seaport accepts beside the signature that was made: its high s, and a bulk order's
// index with any bits beyond its height.
func TestWhatSeaportAcceptsBeside(t *testing.T) {
	for _, f := range fixtures(t, "plain", "bulk") {
		o := parse(t, f.Order)
		if f.Name == "plain" || len(o.Signature)%2 == 0 {
			o.Signature = other(o.Signature)
			if v := verify(t, o, f.domain()); !v.Valid {
				t.Errorf("high s: %v", v.Reason)
			}
		}
		if f.Name != "bulk" || f.Height == maxHeight {
			continue
		}
		at := len(o.Signature) - 32*f.Height - indexLength
		index := uint32(o.Signature[at])<<16 | uint32(o.Signature[at+1])<<8 | uint32(o.Signature[at+2])
		for bit := range 24 {
			changed := index ^ 1<<bit
			copy(o.Signature[at:], []byte{byte(changed >> 16), byte(changed >> 8), byte(changed)})
			v := verify(t, o, f.domain())
			if v.Valid != (bit >= f.Height) {
				t.Errorf("height %d, index %x: %v", f.Height, changed, v.Reason)
			}
		}
	}
}

// A changed bit of a signature or proof makes it another's, or none.
func TestAnyChangedBitOfASignatureIsRefused(t *testing.T) {
	all := fixtures(t, "plain", "compact", "seaport-js", "bulk")
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(all).Draw(t, "order")
		o, err := Parse(f.Order)
		if err != nil {
			t.Fatal(err)
		}
		bit := rapid.IntRange(0, 8*len(o.Signature)-1).Draw(t, "bit")
		if f.Name == "bulk" {
			from := 8 * (len(o.Signature) - 32*f.Height - indexLength)
			if bit >= from && bit < from+24-f.Height {
				t.Skip("a bit of the index beyond the height")
			}
		}
		o.Signature[bit/8] ^= 1 << (7 - bit%8)
		if verify(t, o, f.domain()).Valid {
			t.Fatalf("%s with bit %d changed is valid", f.Name, bit)
		}
	})
}

// A bit of any parameter that is changed gives another hash, and is refused.
func TestAnyChangedParameterIsRefused(t *testing.T) {
	all := fixtures(t, "plain", "compact", "bulk")
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(all).Draw(t, "order")
		o, err := Parse(f.Order)
		if err != nil {
			t.Fatal(err)
		}
		flip := rapid.SampledFrom(flips(&o.Parameters)).Draw(t, "parameter")
		flip(rapid.IntRange(0, 255).Draw(t, "bit"))
		if v := verify(t, o, f.domain()); v.Valid || o.Hash() == f.Hash {
			t.Fatalf("%+v has hash %s, valid: %v", o.Parameters, o.Hash(), v.Valid)
		}
	})
}

// flips change one bit of each of the parameters.
func flips(p *markets.Parameters) []func(bit int) {
	number := func(n *int) func(int) { return func(int) { *n ^= 1 } }
	amount := func(a *markets.Amount) func(int) {
		return func(bit int) {
			n := uint256.MustFromDecimal(string(*a))
			*a = markets.AmountOf(n.Xor(n, new(uint256.Int).Lsh(uint256.NewInt(1), uint(bit))))
		}
	}
	bytes := func(s *string) func(int) {
		return func(bit int) {
			b := common.FromHex(*s)
			b[bit/8%len(b)] ^= 1 << (bit % 8)
			*s = hexutil.Encode(b)
		}
	}
	item := func(i *markets.OfferedItem) []func(int) {
		return []func(int){number(&i.Type), bytes(&i.Token), amount(&i.Identifier), amount(&i.StartAmount), amount(&i.EndAmount)}
	}
	out := []func(int){
		bytes(&p.Offerer), bytes(&p.Zone), number(&p.OrderType), amount(&p.StartTime), amount(&p.EndTime), bytes(&p.ZoneHash),
		amount(&p.Salt), bytes(&p.ConduitKey), amount(&p.Counter),
		func(int) { p.Offer = append(p.Offer, p.Offer[0]) }, func(int) { p.Offer = nil },
	}
	for i := range p.Offer {
		out = append(out, item(&p.Offer[i])...)
	}
	for i := range p.Consideration {
		out = append(append(out, item(&p.Consideration[i].OfferedItem)...), bytes(&p.Consideration[i].Recipient))
	}
	return out
}
