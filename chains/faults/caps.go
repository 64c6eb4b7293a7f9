package faults

import (
	"encoding/json"
	"slices"
)

// refusalKinds are refusals of requests.
func refusalKinds() []Kind {
	logs := []string{getLogs}
	words := func(otherwise string, causes ...string) Param {
		return word("words", otherwise, "which refusal", refusalNames(causes...)...)
	}
	return []Kind{
		{Name: "range-cap", Chain: "evm", Does: "refuses block ranges over a limit", Methods: logs, build: capRange,
			Params: []Param{number("blocks", 500, "most blocks in a range"), words("alchemy", causeRange, causeTimeout, causeVague, causeSize, causeResults)}},
		{Name: "result-cap", Chain: "evm", Does: "refuses queries that match more logs than a limit, a single block included", Methods: logs, build: capResults,
			Params: []Param{number("results", 10_000, "most logs in an answer"), words("infura-results", causeResults, causeRange, causeVague, causeTimeout)}},
		{Name: "size-cap", Chain: "evm", Does: "refuses answers over a size", Methods: append(logs, getBlockReceipts), build: capSize,
			Params: []Param{number("bytes", 10<<20, "most bytes in an answer"), words("jsonrpsee-size", causeSize, causeVague)}},
		{Name: "address-cap", Chain: "evm", Does: "refuses queries for more addresses than a limit", Methods: logs, build: capAddresses,
			Params: []Param{number("addresses", 1000, "most addresses in a query"), words("addresses", causeAddress)}},
		{Name: "no-method", Chain: "evm", Does: "says that the method does not exist", Methods: []string{getBlockReceipts}, build: always,
			Params: []Param{words("no-method", causeMethod)}},
		{Name: "error", Chain: "evm", Does: "answers single calls with an error", build: always,
			Params: []Param{words("vague", causeRange, causeResults, causeSize, causeTimeout, causeVague, causeRate, causePruned, causeState, causeHash, causeMethod)}},
	}
}

func capRange(p params) hooks {
	most, refusal := max(p.number("blocks"), 1), refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		q, ok := c.query()
		if !ok || q.BlockHash != "" {
			return next(c)
		}
		s, ok := t.proxy.blocks.span(c)
		if !ok || s.length() <= most || !t.hit() {
			return next(c)
		}
		return refusal.of(c, facts{max: most, asked: s.length(), span: s, work: span{s.from, s.from + most - 1}})
	}}
}

func capResults(p params) hooks {
	most, refusal := p.number("results"), refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		var logs []object
		if !a.ok() || json.Unmarshal(a.result, &logs) != nil || int64(len(logs)) <= most || !t.hit() {
			return a
		}
		s, _ := t.proxy.blocks.span(c)
		// The suggested range ends before the block of the first excess log.
		work := span{s.from, s.from}
		if height, ok := heightOf(logs[most]); ok {
			work.to = max(height-1, s.from)
		}
		return refusal.of(c, facts{max: most, asked: int64(len(logs)), span: s, work: work})
	}}
}

func capSize(p params) hooks {
	most, refusal := p.number("bytes"), refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if !a.ok() || int64(len(a.result)) <= most || !t.hit() {
			return a
		}
		s, _ := t.proxy.blocks.span(c)
		return refusal.of(c, facts{max: most, asked: int64(len(a.result)), span: s, work: span{s.from, s.from + s.length()/2 - min(s.length()/2, 1)}})
	}}
}

func capAddresses(p params) hooks {
	most, refusal := p.number("addresses"), refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		q, _ := c.query()
		var addresses []json.RawMessage
		if json.Unmarshal(q.Address, &addresses) != nil || int64(len(addresses)) <= most || !t.hit() {
			return next(c)
		}
		return refusal.of(c, facts{max: most, asked: int64(len(addresses))})
	}}
}

// always refuses every call that the common parameters select.
func always(p params) hooks {
	refusal := refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !t.hit() {
			return next(c)
		}
		s := span{}
		if slices.Contains([]string{causeRange, causeResults, causeSize}, refusal.Cause) {
			s, _ = t.proxy.blocks.span(c)
		}
		return refusal.of(c, facts{max: max(s.length()/2, 1), asked: s.length(), span: s, work: span{s.from, s.from + max(s.length()/2, 1) - 1}})
	}}
}
