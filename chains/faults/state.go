package faults

import "encoding/json"

// stateKinds are faults of calls that are about the state of a block.
func stateKinds() []Kind {
	methods := []string{ethCall, getCode, getBalance, getStorage, getNonce}
	return []Kind{
		{Name: "no-state", Chain: "evm", Does: "has pruned the state of blocks below a height", Methods: methods, build: pruneState,
			Params: []Param{
				number("below", 0, "the first height whose state is left"), number("keep", 128, "instead, if it is not 0: how many blocks below the head have theirs left"),
				word("words", "geth-state", "which refusal", refusalNames(causeState)...),
			}},
		{Name: "no-block-hash", Chain: "evm", Does: "takes a block's number only, not its hash (EIP-1898)", Methods: methods, build: refuseHash,
			Params: []Param{word("words", "geth-hash", "which refusal", refusalNames(causeHash)...)}},
	}
}

func pruneState(p params) hooks {
	below, keep, refusal := p.number("below"), p.number("keep"), refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		s, ok := t.proxy.blocks.span(c)
		if !ok {
			return next(c)
		}
		horizon := below
		if keep > 0 {
			head, _ := t.proxy.blocks.head(c)
			horizon = head - keep
		}
		if s.from >= horizon || !t.hit() {
			return next(c)
		}
		return refusal.of(c, facts{max: horizon, asked: s.from, span: s})
	}}
}

func refuseHash(p params) hooks {
	refusal := refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		var named struct{ BlockHash string }
		if raw, ok := c.stateBlock(); !ok || json.Unmarshal(raw, &named) != nil || named.BlockHash == "" || !t.hit() {
			return next(c)
		}
		return refusal.of(c, facts{})
	}}
}

// stateBlock is the parameter of a call that names the block whose state it is about.
func (c *call) stateBlock() (json.RawMessage, bool) {
	at := 1
	switch c.method {
	case ethCall, getCode, getBalance, getNonce:
	case getStorage:
		at = 2
	default:
		return nil, false
	}
	args := c.arguments()
	if len(args) <= at {
		return nil, false
	}
	return args[at], true
}
