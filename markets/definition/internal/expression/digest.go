package expression

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"
)

func keccak(text string) (any, error) {
	return "0x" + hex.EncodeToString(crypto.Keccak256(bytesOf(text))), nil
}

// bytesOf is what a text encodes: the bytes of hexadecimal digits after 0x, or itself.
func bytesOf(text string) []byte {
	if b, ok := hexBytes(text); ok {
		return b
	}
	return []byte(text)
}

// hexBytes are those of hexadecimal digits after 0x.
func hexBytes(text string) ([]byte, bool) {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok {
		return nil, false
	}
	b, err := hex.DecodeString(digits)
	return b, err == nil
}

// hash is a digest of several texts, numbers and booleans. Their lengths go into it, so that
// ("a", "bc") and ("ab", "c") differ.
func hash(args ...any) string {
	state := crypto.NewKeccakState()
	for _, value := range args {
		text := fmt.Sprint(value)
		fmt.Fprintf(state, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(state.Sum(nil))
}

// sha256Hex identifies collections (creator, name) and tokens (creator, collection, name)
// of token v1 as Aptos' indexers do (aptos-core, crates/indexer).
func sha256Hex(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "::")))
	return "0x" + hex.EncodeToString(sum[:])
}

// coinType is the name of the type that a TypeInfo, or a struct with its fields, holds.
func coinType(info map[string]any) (string, error) {
	account, ok1 := info["account_address"].(string)
	module, ok2 := info["module_name"].(string)
	name, ok3 := info["struct_name"].(string)
	if !ok1 || !ok2 || !ok3 {
		return "", errors.New("coinType needs a struct with account_address, module_name and struct_name")
	}
	if digits, ok := strings.CutPrefix(account, "0x"); ok {
		account = "0x" + strings.TrimLeft(digits, "0")
	}
	return account + "::" + string(bytesOf(module)) + "::" + string(bytesOf(name)), nil
}
