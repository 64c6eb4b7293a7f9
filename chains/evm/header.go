package evm

import (
	"errors"
	"strconv"
	"time"

	"github.com/mailru/easyjson/jlexer"
)

// header is what is needed of a block's header.
type header struct {
	number       int64
	hash, parent string
	time         time.Time
	bloom        bloom
}

// scan scans a block into h; null leaves h without a hash.
func (h *header) scan(l *jlexer.Lexer) {
	*h = header{}
	if l.IsNull() {
		l.Null()
		return
	}
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(true)
		l.WantColon()
		switch key {
		case "number":
			h.number = scanInt(l)
		case "hash":
			h.hash = scanHash(l, "")
		case "parentHash":
			h.parent = scanHash(l, "")
		case "timestamp":
			h.time = time.Unix(scanInt(l), 0).UTC()
		case "logsBloom":
			h.bloom = scanBloom(l)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
	if l.Ok() && (h.hash == "" || h.parent == "" || h.time.IsZero()) {
		l.AddError(errors.New("block without hash, parentHash or timestamp"))
	}
}

func chainID(id *int64) *call {
	return &call{method: "eth_chainId", result: func(l *jlexer.Lexer) { *id = scanInt(l) }}
}

// blockByNumber is a call for a block's header by number or tag.
func blockByNumber(number string, h *header) *call {
	return &call{method: "eth_getBlockByNumber", params: []any{number, false}, result: h.scan}
}

// blockByHash is a call for a block's header by hash.
func blockByHash(hash string, h *header) *call {
	return &call{method: "eth_getBlockByHash", params: []any{hash, false}, result: h.scan}
}

func quantity(v int64) string { return "0x" + strconv.FormatInt(v, 16) }
