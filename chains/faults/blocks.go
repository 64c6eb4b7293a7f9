package faults

import (
	"encoding/json"
	"strconv"
	"strings"
)

// span is an inclusive range of heights or ledger versions.
type span struct{ from, to int64 }

func (s span) length() int64 { return s.to - s.from + 1 }

// blocks determines which blocks a call is about. It asks the node itself, so that the
// result does not depend on other clients' requests.
type blocks struct {
	proxy   *Proxy
	heights recent[string, int64] // by hash
}

func newBlocks(p *Proxy) *blocks { return &blocks{proxy: p} }

// query is the parameter of eth_getLogs.
type query struct {
	FromBlock string          `json:"fromBlock,omitempty"`
	ToBlock   string          `json:"toBlock,omitempty"`
	BlockHash string          `json:"blockHash,omitempty"`
	Address   json.RawMessage `json:"address,omitempty"`
	Topics    json.RawMessage `json:"topics,omitempty"`
}

// query parses the parameter of an eth_getLogs call.
func (c *call) query() (query, bool) {
	var q query
	args := c.arguments()
	if c.method != getLogs || len(args) == 0 || json.Unmarshal(args[0], &q) != nil {
		return query{}, false
	}
	return q, true
}

// span returns the heights that a call is about.
func (b *blocks) span(c *call) (span, bool) {
	if c.rest != nil {
		return c.rest.span()
	}
	one := func(height int64, ok bool) (span, bool) { return span{height, height}, ok }
	args := c.arguments()
	switch c.method {
	case getLogs:
		q, ok := c.query()
		if !ok {
			return span{}, false
		}
		if q.BlockHash != "" {
			return one(b.height(c, q.BlockHash))
		}
		from, ok := b.number(c, q.FromBlock)
		to, too := b.number(c, q.ToBlock)
		return span{from, to}, ok && too
	case getBlockByNumber, getBlockByHash, getBlockReceipts:
		if len(args) == 0 {
			return span{}, false
		}
		return one(b.block(c, args[0]))
	case ethCall, getCode, getBalance, getStorage, getNonce:
		raw, ok := c.stateBlock()
		if !ok {
			return span{}, false
		}
		return one(b.block(c, raw))
	case getReceipt, getTransaction:
		return one(heightIn(forwardTo(b.proxy.upstream, c)))
	}
	return span{}, false
}

// block returns the height that a number, a tag, a hash or an object with one of them
// denotes.
func (b *blocks) block(c *call, raw json.RawMessage) (int64, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		var object struct{ BlockNumber, BlockHash string }
		if json.Unmarshal(raw, &object) != nil {
			return 0, false
		}
		text = object.BlockNumber + object.BlockHash
	}
	if isHash(text) {
		return b.height(c, text)
	}
	return b.number(c, text)
}

// number returns the height that a number or a tag denotes.
func (b *blocks) number(c *call, text string) (int64, bool) {
	switch text {
	case "earliest":
		return 0, true
	case "latest", "pending", "":
		return b.head(c)
	case "safe", "finalized":
		return heightIn(forwardTo(b.proxy.upstream, &call{r: c.r, method: getBlockByNumber, params: jsonOf([]any{text, false})}))
	}
	return parseNumber(text)
}

// head returns the height of the node's newest block.
func (b *blocks) head(c *call) (int64, bool) {
	a := forwardTo(b.proxy.upstream, &call{r: c.r, method: blockNumber, params: json.RawMessage("[]")})
	var text string
	if !a.ok() || json.Unmarshal(a.result, &text) != nil {
		return 0, false
	}
	return parseNumber(text)
}

// height returns the height of the block with a hash.
func (b *blocks) height(c *call, hash string) (int64, bool) {
	hash = strings.ToLower(hash)
	if height, ok := b.heights.get(hash); ok {
		return height, true
	}
	height, ok := heightIn(forwardTo(b.proxy.upstream, &call{r: c.r, method: getBlockByHash, params: jsonOf([]any{hash, false})}))
	if ok {
		b.heights.update(hash, func(int64) int64 { return height })
	}
	return height, ok
}

// heightIn returns the height of the block or receipt in an answer.
func heightIn(a *answer) (int64, bool) {
	if !a.ok() {
		return 0, false
	}
	var o object
	if json.Unmarshal(a.result, &o) != nil {
		return 0, false
	}
	return heightOf(o)
}

// heightOf returns the height of a header, a receipt or a log.
func heightOf(o object) (int64, bool) {
	if height, ok := o.quantity("number"); ok {
		return height, true
	}
	return o.quantity("blockNumber")
}

func isHash(text string) bool { return len(text) == 66 && strings.HasPrefix(text, "0x") }

func parseNumber(text string) (int64, bool) {
	digits, ok := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseInt(digits, 16, 64)
	return n, ok && err == nil
}

func hexNumber(n int64) string { return "0x" + strconv.FormatInt(n, 16) }

// span returns the ledger versions that a request is about.
func (r *restCall) span() (span, bool) {
	switch r.kind() {
	case restTransaction:
		version, err := strconv.ParseInt(r.path[strings.LastIndexByte(r.path, '/')+1:], 10, 64)
		return span{version, version}, err == nil
	case restTransactions:
		start, ok := r.number("start")
		limit, limited := r.number("limit")
		if !limited {
			limit = 25
		}
		return span{start, start + limit - 1}, ok
	}
	return span{}, false
}
