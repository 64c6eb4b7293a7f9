package faults

// batchKinds are faults of batches.
func batchKinds() []Kind {
	return []Kind{
		{Name: "batch-cap", Chain: "evm", Does: "refuses batches over a size", build: capBatch,
			Params: []Param{number("calls", 3, "most calls in a batch; 0: no batches at all"), word("words", "drpc-batch", "which refusal", refusalNames(causeBatch)...)}},
		{Name: "batch-partial", Chain: "evm", Does: "refuses some calls of a batch and answers the rest", build: refusePart,
			Params: []Param{word("words", "alchemy-rate", "which refusal", refusalNames(causeRate, causeVague, causeTimeout)...)}},
		{Name: "batch-order", Chain: "evm", Does: "answers a batch in another order", build: shuffleBatch},
		{Name: "batch-missing", Chain: "evm", Does: "omits answers from a batch", build: thinBatch,
			Params: []Param{number("answers", 1, "how many are omitted")}},
	}
}

func capBatch(p params) hooks {
	most, refusal := p.number("calls"), refusal(p.word("words"))
	return hooks{request: func(t *turn, x *exchange, next func() *response) *response {
		if !x.batch || int64(len(x.calls)) <= most || !t.hit() {
			return next()
		}
		a := refusal.of(&call{r: x.r, method: "batch"}, facts{max: most, asked: int64(len(x.calls))})
		out := newResponse()
		if a.status != 0 {
			out.status, out.header, out.body = a.status, a.header, a.body
			return out
		}
		out.answers = []*answer{a}
		return out
	}}
}

func refusePart(p params) hooks {
	refusal := refusal(p.word("words"))
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if !c.batched || !t.hit() {
			return next(c)
		}
		return refusal.of(c, facts{max: 25, asked: 1})
	}}
}

func shuffleBatch(params) hooks {
	return hooks{answers: true, request: func(t *turn, x *exchange, next func() *response) *response {
		out := next()
		if out.batch && len(out.answers) > 1 && t.hit() {
			t.Shuffle(len(out.answers), func(i, j int) { out.answers[i], out.answers[j] = out.answers[j], out.answers[i] })
		}
		return out
	}}
}

func thinBatch(p params) hooks {
	missing := int(p.number("answers"))
	return hooks{answers: true, request: func(t *turn, x *exchange, next func() *response) *response {
		out := next()
		if out.batch && len(out.answers) > 0 && t.hit() {
			for range min(missing, len(out.answers)) {
				i := t.IntN(len(out.answers))
				out.answers = append(out.answers[:i:i], out.answers[i+1:]...)
			}
		}
		return out
	}}
}
