package documents

import (
	"regexp"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Form is the form in which the texts of a field are stored.
type Form int

// The forms of texts.
const (
	AnyText     Form = iota
	AddressText      // an address, in EIP-55 on EVM chains and with 64 digits on Aptos; or a coin type of Aptos
	HashText         // a hash, in lower case
	KeyText          // a text that may contain addresses and hashes of EVM chains
)

var (
	evmAddress = regexp.MustCompile(`^0[xX][0-9a-fA-F]{40}$`)
	hexText    = regexp.MustCompile(`^0[xX][0-9a-fA-F]*$`)
	hexNumbers = regexp.MustCompile(`\b0[xX][0-9a-fA-F]+\b`)
	// moveType is an address, optionally followed by the names of a module and a type,
	// which may have type arguments.
	moveType = regexp.MustCompile(`^0[xX][0-9a-fA-F]{1,64}(::[A-Za-z_]\w*::[A-Za-z_]\w*(<[\w:<>, ]+>)?)?$`)
)

const (
	evmDigits   = 40
	aptosDigits = 64
)

// spellings returns the stored forms that a text may stand for.
func (f Form) spellings(text string) (out []string) {
	switch f {
	case AddressText:
		if evmAddress.MatchString(text) {
			out = append(out, common.HexToAddress(text).Hex())
		}
		if moveType.MatchString(text) {
			out = append(out, strings.ReplaceAll(hexNumbers.ReplaceAllStringFunc(text, longAddress), " ", ""))
		}
	case HashText:
		if hexText.MatchString(text) {
			out = append(out, strings.ToLower(text))
		}
	case KeyText:
		out = append(out, hexNumbers.ReplaceAllStringFunc(text, storedHex))
	}
	return out
}

// longAddress pads an address of Aptos to its 64 digits.
func longAddress(text string) string {
	digits := strings.ToLower(text[2:])
	return "0x" + strings.Repeat("0", max(0, aptosDigits-len(digits))) + digits
}

// storedHex converts an address of an EVM chain to EIP-55, and a hash to lower case.
func storedHex(text string) string {
	switch len(text) - 2 {
	case evmDigits:
		return common.HexToAddress(text).Hex()
	case aptosDigits:
		return strings.ToLower(text)
	}
	return text
}
