package evm

import (
	"sync"
	"time"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// history is from which block on endpoints were seen to have logs. A node that has
// pruned its receipts keeps the headers and answers eth_getLogs with [].
type history struct {
	mu       sync.Mutex
	known    map[*endpoint.Endpoint]proof
	sampled  map[*endpoint.Endpoint]time.Time // when a sample last told nothing
	sampling sync.Mutex                       // held while an endpoint is examined
}

// proof is that an endpoint has logs from a block on, and when that was seen.
type proof struct {
	from int64
	at   time.Time
}

// provenFor is how long an endpoint is taken to keep what it was seen to have.
const provenFor = 10 * time.Minute

func (h *history) proven(e *endpoint.Endpoint, from int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.known[e]
	return ok && p.from <= from && time.Since(p.at) < provenFor
}

func (h *history) prove(e *endpoint.Endpoint, from int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[*endpoint.Endpoint]proof{}
	}
	p, ok := h.known[e]
	if !ok || from < p.from || time.Since(p.at) > provenFor/2 {
		h.known[e] = proof{from, time.Now()}
	}
}

// inconclusiveFor is for how long no other sample is taken where one had nothing to tell.
const inconclusiveFor = time.Minute

// inconclusive says whether a sample of the endpoint's headers lately had nothing to tell.
func (h *history) inconclusive(e *endpoint.Endpoint) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.sampled[e]) < inconclusiveFor
}

func (h *history) noteInconclusive(e *endpoint.Endpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sampled == nil {
		h.sampled = map[*endpoint.Endpoint]time.Time{}
	}
	h.sampled[e] = time.Now()
}
