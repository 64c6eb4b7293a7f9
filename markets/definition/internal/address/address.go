// Package address writes addresses in one way each, so that equal addresses are equal
// texts: those of EVM chains in EIP-55, those of Aptos in all of their 64 digits.
//
//	Aptos("0xB0B")                                      0x0000…000b0b (64 digits)
//	EVM("0x52908400098527886e0f7030069857d2e4169ee7")   0x52908400098527886E0F7030069857D2E4169EE7
package address

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// aptosDigits is the number of hexadecimal digits of an Aptos address.
const aptosDigits = 64

// Aptos is an Aptos address with its leading zeros, which nodes leave out, in lower case.
func Aptos(text string) (string, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || digits == "" || len(digits) > aptosDigits || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", invalid(text)
	}
	return "0x" + strings.Repeat("0", aptosDigits-len(digits)) + strings.ToLower(digits), nil
}

// EVM is the address in the last 20 bytes of a hexadecimal number of at most 32 bytes,
// in EIP-55.
func EVM(text string) (string, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	if ok && len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) > 32 {
		return "", invalid(text)
	}
	return common.BytesToAddress(b).Hex(), nil
}

func invalid(text string) error { return fmt.Errorf("%.80q is not an address", text) }
