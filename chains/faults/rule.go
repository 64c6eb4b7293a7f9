package faults

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// hooks are the points at which a kind of fault intervenes. Each receives the next step.
type hooks struct {
	// request wraps a whole request, of one call or a batch.
	request func(t *turn, x *exchange, next func() *response) *response
	// answers says that request changes the list of answers, not only the body.
	answers bool
	// call wraps a single call.
	call func(t *turn, c *call, next func(*call) *answer) *answer
	// heads is called between a subscription and its client: it returns the heads to
	// send instead of one.
	heads func(t *turn, s *subscription, head []byte) [][]byte
}

// rule is an active fault of a profile.
type rule struct {
	name     string
	seed     [sha256.Size]byte
	methods  []string
	chance   float64
	first    int64 // how many of the same calls it affects, 0: all
	skip     int64 // how many of the same calls are spared first
	same     string
	decide   string // the scope of one random decision
	from, to int64  // heights, -1: any
	wider    int64  // blocks of a range
	after    time.Duration
	lasts    time.Duration // 0: for ever
	hooks    hooks

	seen generations
	met  atomic.Int64
	done atomic.Int64
}

func newRule(f Fault, seed uint64, nth int) (*rule, error) {
	k, p, err := f.check()
	if err != nil {
		return nil, err
	}
	r := &rule{
		name:    f.Name,
		seed:    sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", seed, f.Name, nth)),
		methods: p.words("methods"),
		chance:  p.fraction("chance"),
		first:   p.number("first"),
		skip:    p.number("skip"),
		same:    p.word("same"),
		decide:  p.word("decide"),
		from:    p.number("from"),
		to:      p.number("to"),
		wider:   p.number("wider"),
		after:   p.duration("after"),
		lasts:   p.duration("lasts"),
	}
	r.hooks = k.build(p)
	return r, nil
}

// appliesToAny reports whether the rule applies to any of the calls.
func (r *rule) appliesToAny(p *Proxy, calls []*call) bool {
	return slices.ContainsFunc(calls, func(c *call) bool { return r.applies(p, c) })
}

// applies reports whether the rule covers a call, without deciding whether the fault
// occurs.
func (r *rule) applies(p *Proxy, c *call) bool {
	if len(r.methods) > 0 && !slices.Contains(r.methods, c.method) {
		return false
	}
	if since := arrivalOf(c.r).at.Sub(p.started); since < r.after || r.lasts > 0 && since >= r.after+r.lasts {
		return false
	}
	if r.from < 0 && r.to < 0 && r.wider == 0 {
		return true
	}
	span, ok := p.blocks.span(c)
	if !ok || r.wider > 0 && span.length() <= r.wider {
		return false
	}
	return span.to >= r.from && (r.to < 0 || span.from <= r.to)
}

type arrivalKey struct{}

// arrival is when a request arrived, and how many arrived before it: one backend answers
// all of a request's calls.
type arrival struct {
	at  time.Time
	nth uint64
}

func (p *Proxy) arriving(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), arrivalKey{}, arrival{time.Now(), p.arrivals.Add(1)}))
}

func arrivalOf(r *http.Request) arrival {
	if r != nil {
		if a, ok := r.Context().Value(arrivalKey{}).(arrival); ok {
			return a
		}
	}
	return arrival{at: time.Now()}
}

// turn is the passage of one call or request through a rule.
type turn struct {
	*rand.Rand // the fault's own random source, after hit

	proxy   *Proxy
	rule    *rule
	call    *call
	decided bool
	happens bool
}

func newTurn(p *Proxy, r *rule, c *call) *turn { return &turn{proxy: p, rule: r, call: c.original()} }

// hit decides, once, whether the fault occurs: by the seed, the fault, the call and how
// often the same call has occurred before, so that other clients do not change the
// decision. Faults call hit only after their other conditions hold.
func (t *turn) hit() bool {
	if t.decided {
		return t.happens
	}
	t.decided = true
	r := t.rule
	key := t.key()
	nth := r.seen.next(key)
	r.met.Add(1)
	draw := uint64(nth)
	switch r.decide {
	case decideOnce:
		draw = 0
	case decideRequest:
		key, draw = [sha256.Size]byte{}, arrivalOf(t.call.r).nth
	}
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(append(r.seed[:], key[:]...), draw))
	t.Rand = rand.New(rand.NewPCG(binary.BigEndian.Uint64(digest[:]), binary.BigEndian.Uint64(digest[8:])))
	drawn := float64(binary.BigEndian.Uint64(digest[16:])>>11) / (1 << 53)
	t.happens = nth >= r.skip && (r.first == 0 || nth < r.skip+r.first) && drawn < r.chance
	if t.happens {
		r.done.Add(1)
	}
	return t.happens
}

// The scopes of one random decision.
const (
	decideEach    = "each"
	decideRequest = "request"
	decideOnce    = "once"
)

// The kinds of equality of calls.
const (
	sameCall   = "call"
	sameBlock  = "block"
	sameMethod = "method"
	sameAll    = "all"
)

// key identifies the calls that count as the same.
func (t *turn) key() [sha256.Size]byte {
	switch t.rule.same {
	case sameAll:
		return sha256.Sum256(nil)
	case sameMethod:
		return sha256.Sum256([]byte(t.call.method))
	case sameBlock:
		if s, ok := t.proxy.blocks.span(t.call); ok {
			return sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", t.call.method, s.from, s.to))
		}
	}
	return t.call.key()
}
