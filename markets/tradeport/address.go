package tradeport

import (
	"fmt"
	"strings"
)

// addressDigits is the number of hexadecimal digits of an Aptos address.
const addressDigits = 64

// normalised is an address in all of its digits: nodes leave out leading zeros.
func normalised(address string) (string, error) {
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || digits == "" || len(digits) > addressDigits || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", fmt.Errorf("%.80q is no address", address)
	}
	return "0x" + strings.Repeat("0", addressDigits-len(digits)) + strings.ToLower(digits), nil
}
