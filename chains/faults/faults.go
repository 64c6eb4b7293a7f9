// Package faults simulates faulty nodes: a proxy for JSON-RPC, over HTTP and WebSocket,
// and for the REST API of Aptos, that changes a node's answers in the ways that were
// reported of real nodes and providers.
//
// What it guarantees:
//   - The profile and the seed determine all faults: the same requests get the same faults.
//   - A fault changes only what it names (methods, a share of the calls, a time); all else is
//     forwarded unchanged.
//
// For example, the profile
//
//   - name: some-logs-missing
//     faults:
//   - {fault: logs-missing, methods: [eth_getLogs], chance: 0.1}
//
// answers about one eth_getLogs in ten without its logs, although the headers' blooms have them. To
// add a kind of fault, add its function to its family (lies.go, rates.go,
// statuses.go, bodies.go, fields.go, batches.go, backends.go, forks.go, caps.go) and list it in
// the family's …Kinds function: the command's help comes from there, and a test
// compares docs/faults.md with it.
package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The bytes that are read at most.
const (
	maxRequest = 1 << 20  // of a client's request
	maxBody    = 64 << 20 // of a node's answer
)

// Proxy is a node with the faults of a profile: an http.Handler in front of another one.
// It is safe for concurrent use.
type Proxy struct {
	profile  *Profile
	seed     uint64
	rules    []*rule
	upstream http.Handler
	options  Options
	started  time.Time
	arrivals atomic.Uint64 // of requests
	blocks   *blocks
	tally    tally
	mu       sync.Mutex     // between opening a WebSocket and closing the proxy
	streams  sync.WaitGroup // open WebSockets
	stop     context.CancelFunc
	stopped  context.Context
}

// Options configure a proxy in addition to its profile.
type Options struct {
	// Other is the node of another chain, which other-chain serves; without it that
	// chain is made up.
	Other http.Handler
	// Parallel is how many calls of a batch are forwarded concurrently; 1 if zero.
	Parallel int
	// Heads is the interval of polling the node for new heads while a client subscribes
	// to them; 500 ms if zero.
	Heads time.Duration
	// WebSocket is the node's URL for subscriptions, from which new heads are forwarded;
	// without it the node is polled. All of it but the host is secret.
	WebSocket string
}

// New creates a proxy with the faults of a profile in front of a node. Its error is
// Problems if the profile has unknown faults or invalid parameters.
func New(profile *Profile, seed uint64, upstream http.Handler, options Options) (*Proxy, error) {
	p := &Proxy{profile: profile, seed: seed, upstream: upstream, options: options, started: time.Now(), tally: newTally()}
	p.stopped, p.stop = context.WithCancel(context.Background())
	p.blocks = newBlocks(p)
	same := map[string]int{}
	for _, f := range profile.Faults {
		r, err := newRule(f, seed, same[f.Name])
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", profile.Name, err)
		}
		same[f.Name]++
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// Close closes the WebSockets, and ends all hanging answers.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	p.streams.Wait()
}

// enter adds a WebSocket to those that Close waits for, unless the proxy is closed.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped.Err() != nil {
		return false
	}
	p.streams.Add(1)
	return true
}

// ServeHTTP answers one request, or serves a WebSocket.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.stopped, cancel)()
	r = r.WithContext(ctx)
	switch {
	case r.URL.Path == CountersPath && r.Method == http.MethodGet:
		p.serveCounters(w)
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		p.serveWebSocket(w, r)
	default:
		p.serveRequest(w, r)
	}
}

func (p *Proxy) serveRequest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "request body too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		return // the client is gone
	}
	p.exchange(r, body).write(w, r)
}

// exchange returns the response to a request's body.
func (p *Proxy) exchange(r *http.Request, body []byte) *response {
	x, refused := p.open(p.arriving(r), body)
	if refused != nil {
		return refused
	}
	for _, c := range x.calls {
		p.tally.call(c)
	}
	return p.request(x, 0)
}

// request passes an exchange through the rules from index from on, the first being the
// outermost, and then its calls through the rules for single calls.
func (p *Proxy) request(x *exchange, from int) *response {
	for i := from; i < len(p.rules); i++ {
		r := p.rules[i]
		if r.hooks.request == nil || !r.appliesToAny(p, x.calls) {
			continue
		}
		return r.hooks.request(newTurn(p, r, x.whole()), x, func() *response { return p.request(x, i+1) })
	}
	if !x.rest && !p.changesAnswers(x) {
		return forwardWhole(p.upstream, x)
	}
	return x.respond(p.answers(x))
}

// changesAnswers reports whether any rule may change single answers of an exchange. If
// not, the exchange is forwarded unchanged: a batch as a batch, and large answers
// without parsing.
func (p *Proxy) changesAnswers(x *exchange) bool {
	return slices.ContainsFunc(p.rules, func(r *rule) bool {
		return (r.hooks.call != nil || r.hooks.answers) && r.appliesToAny(p, x.calls)
	})
}

// answers returns the answers to the exchange's calls, in order.
func (p *Proxy) answers(x *exchange) []*answer {
	out := make([]*answer, len(x.calls))
	if p.options.Parallel < 2 || len(x.calls) < 2 {
		for i, c := range x.calls {
			out[i] = p.call(c, 0)
		}
		return out
	}
	slots := make(chan struct{}, p.options.Parallel)
	var wait sync.WaitGroup
	// Equal calls are processed in sequence: their order determines what happens to
	// each.
	for _, group := range x.groups() {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			for _, i := range group {
				out[i] = p.call(x.calls[i], 0)
			}
		})
	}
	wait.Wait()
	return out
}

// call passes a call through the rules from index from on, and to the node.
func (p *Proxy) call(c *call, from int) *answer {
	for i := from; i < len(p.rules); i++ {
		r := p.rules[i]
		if r.hooks.call == nil || !r.applies(p, c) {
			continue
		}
		return r.hooks.call(newTurn(p, r, c), c, func(c *call) *answer { return p.call(c, i+1) })
	}
	return p.forward(c)
}
