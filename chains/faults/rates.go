package faults

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// rateKinds are rate limits. They depend on the clock and on all clients together.
func rateKinds() []Kind {
	as := word("as", "status", "HTTP 429, or a JSON-RPC error", "status", "error")
	words := word("words", "alchemy-rate", "which refusal", refusalNames(causeRate)...)
	retry := word("retryAfter", "yes", "whether HTTP 429 comes with Retry-After", "yes", "no")
	return []Kind{
		{Name: "rate", Chain: "any", Does: "limits requests or calls with a token bucket", build: limitRate,
			Params: []Param{word("per", "request", "what takes a token", "request", "call"), number("burst", 60, "the size of the bucket"), number("refill", 30, "tokens a second"), as, words, retry}},
		{Name: "compute-units", Chain: "any", Does: "limits compute units per window: eth_getLogs costs 75, eth_getBlockReceipts 500, most other calls 20, an Aptos request 100", build: limitUnits,
			Params: []Param{number("units", 500, "units in a window"), duration("window", time.Second, "the length of a window"), as, words, retry}},
	}
}

// budget reports whether a cost is affordable, and otherwise when it will be.
type budget interface {
	take(cost float64) (ok bool, wait time.Duration)
}

// bucket is a token bucket.
type bucket struct {
	mu            sync.Mutex
	burst, refill float64
	level         float64
	last          time.Time
}

func (b *bucket) take(cost float64) (bool, time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.last.IsZero() {
		b.level = b.burst
	} else {
		b.level = min(b.burst, b.level+b.refill*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.level >= cost {
		b.level -= cost
		return true, 0
	}
	if b.refill <= 0 {
		return false, time.Hour
	}
	return false, time.Duration((cost - b.level) / b.refill * float64(time.Second))
}

// window is a fixed window, which starts with the first cost and is refilled when it
// ends.
type window struct {
	mu      sync.Mutex
	units   float64
	length  time.Duration
	used    float64
	started time.Time
}

func (w *window) take(cost float64) (bool, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.started.IsZero() || now.Sub(w.started) >= w.length {
		w.started, w.used = now, 0
	}
	if w.used+cost > w.units {
		return false, w.started.Add(w.length).Sub(now)
	}
	w.used += cost
	return true, 0
}

func limitRate(p params) hooks {
	b := &bucket{burst: float64(p.number("burst")), refill: float64(p.number("refill"))}
	r := newRefuser(p, p.number("refill"))
	if p.word("per") == "call" {
		return r.calls(b, func(*call) float64 { return 1 })
	}
	return hooks{request: func(t *turn, x *exchange, next func() *response) *response {
		ok, wait := b.take(1)
		if ok || !t.hit() {
			return next()
		}
		answers := make([]*answer, len(x.calls))
		for i, c := range x.calls {
			answers[i] = r.refuse(c, wait)
		}
		return x.respond(answers)
	}}
}

func limitUnits(p params) hooks {
	w := &window{units: float64(p.number("units")), length: p.duration("window")}
	return newRefuser(p, p.number("units")).calls(w, units)
}

// units returns the approximate cost of a call at Alchemy and Aptos Labs.
func units(c *call) float64 {
	if c.rest != nil {
		return 100
	}
	switch c.method {
	case getLogs:
		return 75
	case getBlockReceipts:
		return 500
	case blockNumber, getReceipt, getTransaction:
		return 10
	case chainID, "net_version":
		return 0
	}
	return 20
}

// refuser refuses calls over a limit.
type refuser struct {
	status bool
	retry  bool
	words  Refusal
	most   int64
	window time.Duration
}

func newRefuser(p params, most int64) *refuser {
	r := &refuser{status: p.word("as") == "status", retry: p.word("retryAfter") == "yes", words: refusal(p.word("words")), most: most, window: time.Second}
	if w, ok := p["window"]; ok {
		r.window = w.(time.Duration)
	}
	return r
}

func (r *refuser) calls(b budget, cost func(*call) float64) hooks {
	return hooks{call: func(t *turn, c *call, next func(*call) *answer) *answer {
		ok, wait := b.take(cost(c))
		if ok || !t.hit() {
			return next(c)
		}
		return r.refuse(c, wait)
	}}
}

func (r *refuser) refuse(c *call, wait time.Duration) *answer {
	var a *answer
	switch {
	case c.rest != nil:
		a = c.refuse(http.StatusTooManyRequests, "web_framework_error",
			"Per anonymous IP rate limit exceeded. Limit: "+strconv.FormatInt(r.most, 10)+" compute units per "+strconv.Itoa(seconds(r.window))+" seconds window.")
	default:
		a = r.words.of(c, facts{max: r.most, asked: r.most + 1})
		if !r.status && a.err != nil {
			a.status, a.body = 0, nil
			return a
		}
		if a.body == nil {
			a.body = encoded(a)
		}
		a.status = http.StatusTooManyRequests
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	if r.retry {
		a.header.Set("Retry-After", strconv.Itoa(seconds(wait)))
	}
	return a
}
