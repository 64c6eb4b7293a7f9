package faults

import (
	"slices"
	"strconv"
)

// lieKinds are answers that are believable and wrong.
func lieKinds() []Kind {
	return []Kind{
		{Name: "logs-missing", Chain: "evm", Does: "answers fewer logs than there are, against the bloom", Methods: []string{getLogs, getReceipt, getBlockReceipts}, build: dropLogs,
			Params: []Param{word("how", "empty", "no logs, half of them, or null instead of the answer", "empty", "half", "null")}},
		{Name: "null", Chain: "evm", Does: "answers null", Methods: []string{getReceipt}, build: answerNull},
		{Name: "pruned", Chain: "evm", Does: "has no history below a height any more", Methods: []string{getLogs, getReceipt, getBlockReceipts, getBlockByNumber, getBlockByHash}, build: prune,
			Params: []Param{
				number("below", 0, "the height"), number("keep", 0, "instead: how many blocks behind the head, so that it moves"),
				{Name: "what", Type: typeWords, Default: []string{"logs", "receipts"}, Choices: []string{"logs", "receipts", "headers"}, Means: "what is gone"},
				word("answer", "empty", "logs are answered with [] and all else with null, or with an error", "empty", "error"),
				word("words", "geth-pruned", "whose words the error has", refusalNames(causePruned)...),
			}},
		{Name: "finalized", Chain: "evm", Does: "knows no finalized block, or an old one", Methods: []string{getBlockByNumber}, build: unfinalize,
			Params: []Param{word("how", "null", "null, an error, or an old block", "null", "error", "back"), number("blocks", 1000, "how far behind the head the old one is")}},
		{Name: "chain-id", Chain: "evm", Does: "names another chain, and serves the same", Methods: []string{chainID, "net_version"}, build: renameChain,
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

// subject is what a method answers.
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

// otherChainID is that of Sepolia.
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

// chainID answers which chain it is.
func (c *call) chainID(id int64) *answer {
	if c.method == chainID {
		return c.result(hexNumber(id))
	}
	return c.result(strconv.FormatInt(id, 10))
}
