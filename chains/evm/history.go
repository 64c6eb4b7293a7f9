package evm

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// history is from which block on each endpoint has proved to have logs. A node that has pruned
// its receipts keeps the headers and answers eth_getLogs with [].
type history struct {
	mu       sync.Mutex
	known    map[*endpoint.Endpoint]proof
	sampled  map[*endpoint.Endpoint]time.Time // when a sample was last inconclusive
	sampling *semaphore.Weighted              // held while an endpoint is sampled
}

// proof is the lowest block from which on an endpoint has logs, and when that was seen.
type proof struct {
	from int64
	at   time.Time
}

// provenFor is how long a proof is valid.
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

// inconclusiveFor is how long no other sample is taken after one without any informative
// bloom.
const inconclusiveFor = time.Minute

// inconclusive says whether the last sample of the endpoint's headers told nothing, and is
// recent.
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
