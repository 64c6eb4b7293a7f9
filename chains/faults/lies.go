package faults

import (
	"slices"
	"strconv"
)

// lieKinds are answers that are plausible but wrong.
func lieKinds() []Kind {
	return []Kind{
		{Name: "logs-missing", Chain: "evm", Does: "omits logs that the bloom says are there", Methods: []string{getLogs, getReceipt, getBlockReceipts}, build: dropLogs,
			Params: []Param{word("how", "empty", "no logs, half of them, or null for the whole answer", "empty", "half", "null")}},
		{Name: "null", Chain: "evm", Does: "answers null", Methods: []string{getReceipt}, build: answerNull},
		{Name: "pruned", Chain: "evm", Does: "has pruned its history below a height", Methods: []string{getLogs, getReceipt, getBlockReceipts, getBlockByNumber, getBlockByHash}, build: prune,
			Params: []Param{
				number("below", 0, "the first height that is left"), number("keep", 0, "instead: how many blocks below the head are left; the horizon moves"),
				{Name: "what", Type: typeWords, Default: []string{"logs", "receipts"}, Choices: []string{"logs", "receipts", "headers"}, Means: "what is gone"},
				word("answer", "empty", "[] for logs and null for the rest, or an error", "empty", "error"),
				word("words", "geth-pruned", "which refusal", refusalNames(causePruned)...),
			}},
		{Name: "finalized", Chain: "evm", Does: "has no finalized block, or one that is far behind", Methods: []string{getBlockByNumber}, build: unfinalize,
			Params: []Param{word("how", "null", "null, an error, or a block far behind", "null", "error", "back"), number("blocks", 1000, "how far it is behind the head")}},
		{Name: "chain-id", Chain: "evm", Does: "reports another chain id and serves the same blocks", Methods: []string{chainID, "net_version"}, build: renameChain,
			Params: []Param{number("id", otherChainID, "its id")}},
	}
}

func dropLogs(p params) hooks {
	how := p.word("how")
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.hasLogs() || !t.hit() {
			return a
		}
		if how == "null" {
			return c.result(nil)
		}
		left := 0
		a.logs(func(logs []object) []object {
			if how == "half" {
				left = len(logs) / 2
			}
			return logs[:left]
		})
		return a
	}}
}

func answerNull(params) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		return c.result(nil)
	}}
}

func prune(p params) hooks {
	below, keep, what := p.number("below"), p.number("keep"), p.words("what")
	fails, refusal := p.word("answer") == "error", refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !slices.Contains(what, subject(c.method)) {
			return next(c)
		}
		s, ok := t.proxy.blocks.span(c)
		if !ok {
			return next(c)
		}
		horizon := below
		if keep > 0 {
			head, _ := t.proxy.blocks.head(c)
			horizon = head - keep
		}
		switch {
		case s.from >= horizon || !t.hit():
			return next(c)
		case fails:
			return refusal.of(c, facts{max: horizon, asked: s.from, span: s})
		case c.method != getLogs:
			return c.result(nil)
		}
		a := next(c)
		a.logs(func(logs []object) []object {
			return slices.DeleteFunc(logs, func(l object) bool { height, ok := heightOf(l); return ok && height < horizon })
		})
		return a
	}}
}

// subject returns what a method returns: logs, receipts or headers.
func subject(method string) string {
	switch method {
	case getLogs:
		return "logs"
	case getReceipt, getBlockReceipts:
		return "receipts"
	}
	return "headers"
}

func unfinalize(p params) hooks {
	how, back := p.word("how"), p.number("blocks")
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		args := c.arguments()
		if len(args) == 0 || string(args[0]) != `"finalized"` && string(args[0]) != `"safe"` || !t.hit() {
			return next(c)
		}
		switch how {
		case "error":
			return c.fail(-39001, "finalized block not found")
		case "back":
			head, _ := t.proxy.blocks.head(c)
			args[0] = jsonOf(hexNumber(max(head-back, 0)))
			return next(c.with(args))
		}
		return c.result(nil)
	}}
}

// otherChainID is Sepolia's.
const otherChainID = 11155111

func renameChain(p params) hooks {
	id := p.number("id")
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		return c.chainID(id)
	}}
}

// chainID answers eth_chainId or net_version.
func (c *call) chainID(id int64) *answer {
	if c.method == chainID {
		return c.result(hexNumber(id))
	}
	return c.result(strconv.FormatInt(id, 10))
}
