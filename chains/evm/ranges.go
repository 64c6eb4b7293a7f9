package evm

import (
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// ranges knows how many blocks of each stream to ask for at once, so that a page
// holds about as many events as are wanted and the node does not refuse.
type ranges struct {
	most int64 // blocks

	mu    sync.Mutex
	spans map[string]*span // by keyOf
}

// span is how many blocks to ask for of one stream.
type span struct {
	blocks  int64
	refused int64 // the least number lately refused, 0 if none
	patient int   // successes until what was refused is tried again
}

const (
	firstSpan = 1000
	patience  = 32
)

func (r *ranges) of(key string) *span {
	s := r.spans[key]
	if s == nil {
		if r.spans == nil {
			r.spans = map[string]*span{}
		}
		s = &span{blocks: min(firstSpan, r.most)}
		r.spans[key] = s
	}
	return s
}

// next is how many blocks to ask for.
func (r *ranges) next(key string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of(key).blocks
}

// answered learns from a range that was answered with a number of events, of which
// about limit are wanted.
func (r *ranges) answered(key string, blocks int64, events, limit int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(key)
	if s.patient--; s.patient <= 0 {
		s.refused = 0
	}
	switch {
	case events > limit:
		s.blocks = max(1, blocks*int64(limit)/int64(events))
	case events <= limit/2 && blocks >= s.blocks:
		s.blocks = min(2*blocks, r.most)
	}
	if s.refused > 0 && s.blocks >= s.refused {
		s.blocks = max(1, s.refused/2)
	}
}

// tooMany learns from a range that was refused.
func (r *ranges) tooMany(key string, blocks int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(key)
	s.blocks, s.refused, s.patient = max(1, blocks/2), blocks, patience
}

// refusals are parts of what nodes and providers say when a range or its result
// is too large for them. Collected from geth, Erigon, Nethermind, Alchemy, Infura,
// QuickNode, Ankr and public BSC and Polygon nodes.
var refusals = []string{
	"more than", "max results", "exceeds limit", "exceed limit", "limit exceeded", "too large", "too wide",
	"too many", "response size", "block range", "range limit", "limited to", "maximum", "exceeds max", "at most", "freetier",
}

// isTooMany says whether a node refused a range of blocks in a way that makes a
// smaller one worth trying.
func isTooMany(err error) bool {
	if errors.Is(err, endpoint.ErrTooLarge) || errors.Is(err, endpoint.ErrTimeout) {
		return true
	}
	if status, ok := errors.AsType[*endpoint.StatusError](err); ok {
		switch status.Status {
		case http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable:
			return true
		case http.StatusBadRequest:
			return mentions(status.Text)
		}
		return false
	}
	if said, ok := errors.AsType[*rpcError](err); ok {
		return !isRate(said.Message) && mentions(said.Message)
	}
	return false
}

func mentions(text string) bool {
	text = strings.ToLower(text)
	for _, part := range refusals {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// isRate says whether a refusal is about requests, which fewer blocks would not
// help.
func isRate(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "rate") || strings.Contains(text, "requests") || strings.Contains(text, "per second")
}
