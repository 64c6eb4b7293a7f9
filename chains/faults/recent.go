package faults

import (
	"crypto/sha256"
	"sync"
)

// generation is how many keys are kept before older ones are dropped.
const generation = 1 << 18

// recent is a map that keeps at least the last generation of keys.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

// update replaces the value of a key by change of the old value.
func (r *recent[K, V]) update(key K, change func(V) V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[key]
	if !ok {
		v = r.old[key]
	}
	if r.young == nil || len(r.young) >= generation {
		r.young, r.old = map[K]V{}, r.young
	}
	r.young[key] = change(v)
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[key]
	if !ok {
		v, ok = r.old[key]
	}
	return v, ok
}

// generations counts occurrences of keys.
type generations struct {
	counts recent[[sha256.Size]byte, int64]
}

// next counts a key, and returns how often it was counted before.
func (g *generations) next(key [sha256.Size]byte) (before int64) {
	g.counts.update(key, func(n int64) int64 {
		before = n
		return n + 1
	})
	return before
}
