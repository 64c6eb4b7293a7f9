package resource

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// horizonAge is how old the knowledge may be of what is final. What was final stays final; a
// document may be said to be reorganisable for so long after it has become final.
const horizonAge = 500 * time.Millisecond

// horizons remember what is final: reading it for each request would cost more than most
// requests.
type horizons struct {
	data persistence.Querier
	mu   sync.Mutex
	of   map[string]known
}

type known struct {
	finality.Horizon
	at time.Time
}

func newHorizons(data persistence.Querier) *horizons {
	return &horizons{data: data, of: map[string]known{}}
}

// read returns what is final of a collection.
func (h *horizons) read(ctx context.Context, collection string) (finality.Horizon, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.of[collection]; time.Since(k.at) < horizonAge {
		return k.Horizon, nil
	}
	at := time.Now()
	horizon, err := finality.Read(ctx, h.data, collection)
	if err == nil {
		h.of[collection] = known{horizon, at}
	}
	return horizon, err
}

// mark adds to a document whether it is final, as queries do.
func (h *horizons) mark(ctx context.Context, collection string, doc json.RawMessage) (json.RawMessage, error) {
	if !finality.Of(collection) {
		return doc, nil
	}
	horizon, err := h.read(ctx, collection)
	if err != nil {
		return nil, err
	}
	return horizon.Mark(doc)
}
