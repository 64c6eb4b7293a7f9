package resource

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/finality"
)

// recently is the maximum age of a cached value: reading it for each request would cost more
// than the request.
const recently = 250 * time.Millisecond

// recent caches a value for a short time.
type recent[T any] struct {
	read func(ctx context.Context) (T, error)

	mu    sync.Mutex
	at    time.Time
	value T
}

func (r *recent[T]) get(ctx context.Context) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < recently {
		return r.value, nil
	}
	at := time.Now()
	value, err := r.read(ctx)
	if err == nil {
		r.at, r.value = at, value
	}
	return value, err
}

// moment caches the state of the data as a whole.
type moment struct {
	// position is that of the feed. An older one is valid for a later query, too: a reader
	// that continues from it gets a few changes that the query already includes.
	position *recent[string]
	// horizons tell what is final, by collection. They stay valid: finality never goes back.
	horizons map[string]*recent[finality.Horizon]
}

func newMoment(data persistence.Querier) moment {
	m := moment{position: &recent[string]{read: func(context.Context) (string, error) { return "", nil }}, horizons: map[string]*recent[finality.Horizon]{}}
	if feed, ok := data.(persistence.Feed); ok {
		m.position.read = feed.Newest
	}
	for _, name := range Served {
		if finality.Of(name) {
			m.horizons[name] = &recent[finality.Horizon]{read: func(ctx context.Context) (finality.Horizon, error) { return finality.Read(ctx, data, name) }}
		}
	}
	return m
}

// mark adds the field final to a document, as queries do.
func (m moment) mark(ctx context.Context, collection string, doc json.RawMessage) (json.RawMessage, error) {
	recent, told := m.horizons[collection]
	if !told {
		return doc, nil
	}
	horizon, err := recent.get(ctx)
	if err != nil {
		return nil, err
	}
	return horizon.Mark(doc)
}
