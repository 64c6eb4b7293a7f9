package faults

import (
	"encoding/json"
	"slices"
)

// backendKinds are load balancers in front of nodes that partly lag.
func backendKinds() []Kind {
	methods := []string{blockNumber, getBlockByNumber, getBlockByHash, getLogs, getReceipt, getTransaction, getBlockReceipts}
	unseen := word("unseen", "empty", "how logs of an unseen block hash are answered", "empty", "error")
	return []Kind{
		{Name: "lag", Chain: "evm", Does: "answers as a node that has not seen the newest blocks", Methods: methods, build: lag,
			Params: []Param{number("blocks", 5, "how many blocks it is behind"), unseen}},
		{Name: "balancer", Chain: "evm", Does: "answers each call, those of one batch included, from one of several nodes that lag by different amounts", Methods: methods, build: balance,
			Params: []Param{{Name: "lags", Type: typeNumbers, Default: []int64{0, 2, 5}, Means: "how many blocks each node is behind"}, unseen}},
	}
}

func lag(p params) hooks {
	blocks, fails := p.number("blocks"), p.word("unseen") == "error"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		return lagging(t, c, next, blocks, fails)
	}}
}

func balance(p params) hooks {
	lags, fails := p.numbers("lags"), p.word("unseen") == "error"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if len(lags) == 0 || !t.hit() {
			return next(c)
		}
		return lagging(t, c, next, lags[t.IntN(len(lags))], fails)
	}}
}

// lagging answers as a node that is some blocks behind.
func lagging(t *turn, c *call, next func(*call) *answer, behind int64, fails bool) *answer {
	head, ok := t.proxy.blocks.head(c)
	if behind == 0 || !ok {
		return next(c)
	}
	head = max(head-behind, 0)
	switch c.method {
	case blockNumber:
		return c.result(hexNumber(head))
	case getLogs:
		return laggingLogs(t, c, next, head, fails)
	case getBlockByNumber, getBlockReceipts:
		args := c.arguments()
		if len(args) > 0 && slices.Contains([]string{`"latest"`, `"pending"`}, string(args[0])) {
			args[0] = jsonOf(hexNumber(head))
			return next(c.with(args))
		}
	}
	a := next(c)
	height, known := heightIn(a)
	if c.method == getBlockReceipts {
		var s span
		s, known = t.proxy.blocks.span(c)
		height = s.from
	}
	switch args := c.arguments(); {
	case !known || height <= head:
		return a
	case c.method == getBlockByNumber && !isNumber(args[0]): // safe or finalized
		args[0] = jsonOf(hexNumber(head))
		return next(c.with(args))
	}
	return c.result(nil)
}

func isNumber(raw json.RawMessage) bool {
	var text string
	_ = json.Unmarshal(raw, &text) // an empty text is not a number
	_, ok := parseNumber(text)
	return ok
}

func laggingLogs(t *turn, c *call, next func(*call) *answer, head int64, fails bool) *answer {
	q, ok := c.query()
	if !ok {
		return next(c)
	}
	s, ok := t.proxy.blocks.span(c)
	switch {
	case !ok || s.to <= head && q.BlockHash != "":
		return next(c)
	case q.BlockHash != "" && fails:
		return c.fail(-32000, "unknown block")
	case s.from > head:
		return c.result([]any{})
	}
	// Tags are resolved to the lagging node's heights.
	q.FromBlock, q.ToBlock = hexNumber(s.from), hexNumber(min(s.to, head))
	return next(c.with([]query{q}))
}
