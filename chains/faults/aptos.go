package faults

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

// aptosKinds are the faults of the Aptos REST API.
func aptosKinds() []Kind {
	history := []string{restTransactions, restTransaction}
	all := []string{restLedger, restEvents, restTransactions, restTransaction}
	return []Kind{
		{Name: "aptos-short-page", Chain: "aptos", Does: "answers fewer events or transactions than asked for", Methods: []string{restEvents, restTransactions}, build: shortPage,
			Params: []Param{number("most", 25, "most items in a page")}},
		{Name: "aptos-newest", Chain: "aptos", Does: "answers the newest page, whatever start says", Methods: []string{restEvents}, build: newestPage},
		{Name: "aptos-pruned", Chain: "aptos", Does: "has pruned its old ledger versions", Methods: append([]string{restLedger, restEvents}, history...), build: pruneLedger,
			Params: []Param{
				number("below", 0, "the oldest version that is left"), number("keep", 0, "instead: how many versions are left; the horizon moves"),
				word("answer", "gone", "HTTP 410 as nodes do, or 500 as older nodes did", "gone", "error"),
			}},
		{Name: "aptos-events-pruned", Chain: "aptos", Does: "has pruned the first events of handles", Methods: []string{restEvents}, build: pruneEvents,
			Params: []Param{number("below", 0, "the first sequence number that is left"), word("answer", "gone", "HTTP 410, 500, or an empty page", "gone", "error", "empty")}},
		{Name: "aptos-lag", Chain: "aptos", Does: "answers as a node that has not seen the newest ledger versions", Methods: all, build: lagLedger,
			Params: []Param{number("versions", 100, "how many versions it is behind"), word("what", "node", "the whole answer, or only the ledger version header", "node", "header")}},
		{Name: "aptos-no-handle", Chain: "aptos", Does: "says that the event handle does not exist", Methods: []string{restEvents}, build: noHandle},
		{Name: "aptos-chain-id", Chain: "aptos", Does: "reports another chain id in its header and ledger information", Methods: all, build: otherLedger,
			Params: []Param{number("id", 2, "its id")}},
		{Name: "aptos-no-headers", Chain: "aptos", Does: "omits the X-Aptos headers, as some gateways do", Methods: all, build: noHeaders},
	}
}

func shortPage(p params) hooks {
	most := max(p.number("most"), 1)
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if c.rest == nil {
			return next(c)
		}
		limit, ok := c.rest.number("limit")
		if !ok {
			limit = 25
		}
		if limit <= most || !t.hit() {
			return next(c)
		}
		return next(c.withQuery("limit", strconv.FormatInt(most, 10)))
	}}
}

func newestPage(params) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if c.rest == nil || !t.hit() {
			return next(c)
		}
		return next(c.withQuery("start", ""))
	}}
}

func pruneLedger(p params) hooks {
	below, keep, gone := p.number("below"), p.number("keep"), p.word("answer") == "gone"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if c.rest == nil {
			return a
		}
		oldest := below
		if head, ok := a.ledger(); ok && keep > 0 {
			oldest = max(head-keep+1, 0)
		}
		if given, err := strconv.ParseInt(a.header.Get(headerOldest), 10, 64); err == nil && given >= oldest {
			return a
		}
		if !t.hit() {
			return a
		}
		s, ok := c.rest.span()
		switch {
		case c.method == restLedger:
			a.member("oldest_ledger_version", strconv.FormatInt(oldest, 10))
		case c.method == restEvents:
			if page, is := a.page(); is && len(page) > 0 && versionOf(page[0]) < oldest {
				a = pruned(a, c, gone, versionOf(page[0]))
			}
		case ok && s.from < oldest:
			a = pruned(a, c, gone, s.from)
		}
		a.set(headerOldest, oldest)
		return a
	}}
}

// pruned refuses a pruned version, with the node's headers.
func pruned(a *answer, c *call, gone bool, version int64) *answer {
	status, code, words := http.StatusGone, "version_pruned", "Ledger version("+strconv.FormatInt(version, 10)+") has been pruned"
	if !gone {
		status, code, words = http.StatusInternalServerError, "internal_error", "Failed to get transaction at version "+strconv.FormatInt(version, 10)+": not found"
	}
	out := c.refuse(status, code, words)
	header := a.header.Clone()
	header.Set("Content-Type", "application/json")
	out.header = header
	return out
}

func pruneEvents(p params) hooks {
	below, how := p.number("below"), p.word("answer")
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		if c.rest == nil {
			return next(c)
		}
		start, ok := c.rest.number("start")
		if !ok || start >= below || !t.hit() {
			return next(c)
		}
		a := next(c)
		if how == "empty" {
			a.status, a.body = http.StatusOK, []byte("[]")
			return a
		}
		return pruned(a, c, how == "gone", start)
	}}
}

func lagLedger(p params) hooks {
	behind, all := p.number("versions"), p.word("what") == "node"
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if c.rest == nil {
			return a
		}
		head, ok := a.ledger()
		if !ok || !t.hit() {
			return a
		}
		head = max(head-behind, 0)
		if all {
			a = unseen(a, c, head)
		}
		a.set(headerLedger, head)
		if c.method == restLedger {
			a.member("ledger_version", strconv.FormatInt(head, 10))
		}
		return a
	}}
}

// unseen removes everything above a ledger version from an answer.
func unseen(a *answer, c *call, head int64) *answer {
	s, ok := c.rest.span()
	if ok && s.from > head {
		out := c.refuse(http.StatusNotFound, "version_not_found", "Ledger version("+strconv.FormatInt(s.from, 10)+") not found")
		header := a.header.Clone()
		header.Set("Content-Type", "application/json")
		out.header = header
		return out
	}
	if page, is := a.page(); is {
		a.body = list(slices.DeleteFunc(page, func(o object) bool { return versionOf(o) > head }))
	}
	return a
}

// versionOf returns the ledger version of an event or a transaction.
func versionOf(o object) int64 {
	version, _ := strconv.ParseInt(o.text("version"), 10, 64) // 0 without a version
	return version
}

// member replaces a member of the JSON object in the body.
func (a *answer) member(name string, value any) {
	var o object
	if !a.ok() || json.Unmarshal(a.body, &o) != nil || o == nil {
		return
	}
	o[name] = jsonOf(value)
	a.body = jsonOf(o)
}

func noHandle(params) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if c.rest == nil || !t.hit() {
			return a
		}
		header := a.header.Clone()
		header.Set("Content-Type", "application/json")
		out := c.refuse(http.StatusNotFound, "resource_not_found", "Resource not found by Address, Struct tag and Ledger version")
		out.header = header
		return out
	}}
}

func otherLedger(p params) hooks {
	id := p.number("id")
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if c.rest == nil || !t.hit() {
			return a
		}
		a.set(headerChain, id)
		if c.method == restLedger {
			a.member("chain_id", id)
		}
		return a
	}}
}

func noHeaders(params) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		a := next(c)
		if c.rest == nil || !t.hit() {
			return a
		}
		a.header = a.header.Clone()
		for name := range a.header {
			if len(name) > 8 && name[:8] == "X-Aptos-" {
				a.header.Del(name)
			}
		}
		return a
	}}
}
