// Package eth is the part of Ethereum that the program reads: headers, blooms, logs, receipts
// and filters, each with a scanner that checks what it reads.
//
// It guarantees that scanned logs are complete in form: of the block and contract that they
// name, in order, each once (VerifyLogs). Whether any are missing is decided in package evm,
// by their blocks' blooms:
//
//	bloom of block 17   has 0x5101 and Sold        the logs must hold one of 0x5101, Sold
//	bloom of block 18   lacks 0x5101               no log of 0x5101: none is missing
package eth

import (
	"errors"
	"strconv"
	"time"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
)

// Header holds the fields of a block's header that are used here. Hash is empty if the block
// does not exist.
type Header struct {
	Number       int64
	Hash, Parent string
	Time         time.Time
	Bloom        Bloom
}

// scan scans a block; null leaves a zero header.
func (h *Header) scan(l *jlexer.Lexer) {
	*h = Header{}
	if scanNull(l) {
		return
	}
	scanObject(l, func(key string) bool {
		switch key {
		case "number":
			h.Number = ScanInt(l)
		case "hash":
			h.Hash = scanHash(l, "")
		case "parentHash":
			h.Parent = scanHash(l, "")
		case "timestamp":
			h.Time = unixTime(l, ScanInt(l))
		case "logsBloom":
			h.Bloom = scanBloom(l)
		default:
			return false
		}
		return true
	})
	if l.Ok() && (h.Hash == "" || h.Parent == "" || h.Time.IsZero()) {
		l.AddError(errors.New("block without hash, parentHash or timestamp"))
	}
}

func ChainID(id *int64) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_chainId", Result: func(l *jlexer.Lexer) { *id = ScanInt(l) }}
}

// BlockByNumber is a call for a block's header by number or tag.
func BlockByNumber(number string, h *Header) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getBlockByNumber", Params: []any{number, false}, Result: h.scan}
}

// BlockByHash is a call for a block's header by hash.
func BlockByHash(hash string, h *Header) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getBlockByHash", Params: []any{hash, false}, Result: h.scan}
}

func Quantity(v int64) string { return "0x" + strconv.FormatInt(v, 16) }
