package seaport

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

var errKey = errors.New("not the key of a Seaport order")

// Key is the key of an order: 0xHASH@0xCONTRACT, with the contract in EIP-55. The hash of
// an order does not depend on the contract: the same parameters on two versions of Seaport
// are two orders of one hash.
func Key(contract string, hash common.Hash) string {
	var key [2 + 2*common.HashLength + 1 + 2 + 2*common.AddressLength]byte
	text := append(key[:0], "0x"...)
	text = hex.AppendEncode(text, hash[:])
	text = append(text, '@')
	return string(append(text, contract...))
}

// SplitKey is the contract and the hash of a Key.
func SplitKey(key string) (contract common.Address, hash common.Hash, err error) {
	first, second, _ := strings.Cut(key, "@")
	if hash.UnmarshalText([]byte(first)) != nil || !common.IsHexAddress(second) || Key(common.HexToAddress(second).Hex(), hash) != key {
		return common.Address{}, common.Hash{}, fmt.Errorf("%.200q: %w", key, errKey)
	}
	return common.HexToAddress(second), hash, nil
}
