package solidity

import (
	"fmt"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/expr-lang/expr/types"

	"github.com/imart/event-worker/markets/definition/internal/address"
)

// ABI makes the decoder of bytes that Solidity's abi.encode made, and the type of its values.
// As of abi.decode, parentheses around everything are a list of types: the values of
// "(address maker, uint256[])" are maker and arg1 of a struct. Any other type, such as
// "(address, uint256)[]", is that of one value.
func ABI(text string) (types.Type, func(data []byte) (any, error), error) {
	t, err := parseType(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%.200q is not a type: %w", text, err)
	}
	return typeOf(t), func(data []byte) (any, error) {
		r := NewReader(address.Checksums{}, len(data))
		if t.T == abi.TupleTy {
			return r.tuple(t, data, 0)
		}
		return r.At(t, data, 0)
	}, nil
}

func parseType(text string) (abi.Type, error) {
	p := newParser(text, nil)
	a, err := p.parameter()
	if err != nil {
		return abi.Type{}, err
	}
	if rest := p.Peek(); rest != "" || a.Indexed || a.Name != "" {
		return abi.Type{}, fmt.Errorf("write a type alone, such as (address maker, uint256 price)[]")
	}
	return resolve(a)
}
