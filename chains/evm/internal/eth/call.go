package eth

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
)

// AtHash is the block parameter that names a block of the canonical chain by its hash
// (EIP-1898).
func AtHash(hash string) any {
	return map[string]any{"blockHash": hash, "requireCanonical": true}
}

// Output is what a contract returned. Data is nil if that is longer than Limit.
type Output struct {
	Limit int // bytes
	Data  []byte
	Size  int // bytes that were returned
	// Digits, if set, is given the hexadecimal digits, which it must not keep, instead of Data.
	Digits func(digits []byte)
}

// CallContract is a call of a contract, or of the code in data where to is nil, as of a block:
// a quantity, or AtHash.
func CallContract(to *[20]byte, data []byte, block any, out *Output) *jsonrpc.Call {
	input := map[string]string{"data": "0x" + hex.EncodeToString(data)}
	if to != nil {
		input["to"] = "0x" + hex.EncodeToString(to[:])
	}
	return &jsonrpc.Call{Method: "eth_call", Params: []any{input, block}, Result: out.scan}
}

func (o *Output) scan(l *jlexer.Lexer) {
	o.Data, o.Size = nil, 0
	if l.IsNull() {
		l.Skip()
		l.AddError(errors.New("null for what a contract returned"))
		return
	}
	digits := scanHex(l)
	switch o.Size = len(digits) / 2; {
	case !l.Ok():
	case len(digits)%2 != 0:
		l.AddError(fmt.Errorf("%d hexadecimal digits for bytes", len(digits)))
	case o.Digits != nil:
		o.Digits(digits)
	case o.Size <= o.Limit:
		o.Data = make([]byte, o.Size)
		if _, err := hex.Decode(o.Data, digits); err != nil {
			l.AddError(err)
		}
	}
}

// CodeAt asks whether there is code at an address as of a block: a quantity, or AtHash.
func CodeAt(address [20]byte, block any, is *bool) *jsonrpc.Call {
	out := Output{}
	return &jsonrpc.Call{Method: "eth_getCode", Params: []any{"0x" + hex.EncodeToString(address[:]), block}, Result: func(l *jlexer.Lexer) {
		out.scan(l)
		*is = out.Size > 0
	}}
}
