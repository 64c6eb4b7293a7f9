package currency

import (
	"regexp"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// maxAddress is how many bytes the address of a currency may have: the coin types of pools
// name those of others.
const maxAddress = 512

var (
	evmAddress = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	// An object, or a struct whose type arguments consist of addresses and names.
	aptosAddress = regexp.MustCompile(`^0x[0-9a-fA-F]{1,64}(::[A-Za-z_]\w*::[A-Za-z_]\w*(<[\w:<>, ]+>)?)?$`)
	moveAddress  = regexp.MustCompile(`\b0x[0-9a-fA-F]{1,64}\b`)
)

// Canonical is an address in the one spelling that stands for all: EIP-55 on EVM chains,
// addresses of 64 digits on Aptos. It reports false for what is not the address of a currency
// that the chain can be asked about.
func Canonical(kind markets.ChainKind, address string) (string, bool) {
	if len(address) > maxAddress {
		return "", false
	}
	if kind != markets.Aptos {
		if !evmAddress.MatchString(address) {
			return "", false
		}
		a := common.HexToAddress(address)
		return a.Hex(), a != common.Address{}
	}
	if !aptosAddress.MatchString(address) {
		return "", false
	}
	long := moveAddress.ReplaceAllStringFunc(address, func(hex string) string {
		digits := strings.ToLower(hex[2:])
		return "0x" + strings.Repeat("0", 64-len(digits)) + digits
	})
	return strings.ReplaceAll(long, " ", ""), true
}
