package address

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"
)

// Equal addresses have equal texts, however many leading zeros they were written with.
func TestAddressesAreWrittenOneWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "address"))
		short := fmt.Sprintf("0x%x", n)
		if rapid.Bool().Draw(t, "capitals") {
			short = "0x" + strings.ToUpper(short[2:])
		}
		long, err := Aptos(short)
		if want := fmt.Sprintf("0x%064x", n); err != nil || long != want {
			t.Fatalf("Aptos(%s) = %s, %v, want %s", short, long, err, want)
		}
		if again, err := Aptos(long); err != nil || again != long {
			t.Fatalf("Aptos(%s) = %s, %v", long, again, err)
		}
		if got, err := EVM(short); err != nil || got != common.BigToAddress(n).Hex() {
			t.Fatalf("EVM(%s) = %s, %v", short, got, err)
		}
	})
}

func TestOtherTextsAreRefused(t *testing.T) {
	for _, text := range []string{"", "0x", "b0b", "0xz", "0x-1", " 0x1", "0x" + strings.Repeat("1", 65)} {
		if got, err := Aptos(text); err == nil {
			t.Errorf("Aptos(%q) = %s", text, got)
		}
		if got, err := EVM(text); err == nil && text != "0x" { // no bytes are the zero address
			t.Errorf("EVM(%q) = %s", text, got)
		}
	}
}

// The cache gives what is computed, also after it has been full.
func TestChecksums(t *testing.T) {
	c := Checksums{}
	for i := range int64(maxChecksums + 10) {
		a := common.BigToAddress(big.NewInt(i % (maxChecksums + 5)))
		if got := c.Of(a); got != a.Hex() {
			t.Fatalf("%s, want %s", got, a.Hex())
		}
		if len(c) > maxChecksums {
			t.Fatalf("%d addresses in the cache", len(c))
		}
	}
}
