package faults

import (
	"crypto/sha256"
	"sync"
)

// generation is how many keys are kept before the older ones are forgotten.
const generation = 1 << 18

// recent is a map that remembers at least the last generation of keys.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

// update replaces the value of a key, by one that is made of it.
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

// generations counts how often keys have come by.
type generations struct {
	counts recent[[sha256.Size]byte, int64]
}

// next counts a key, and says how often it had been counted before.
func (g *generations) next(key [sha256.Size]byte) (before int64) {
	g.counts.update(key, func(n int64) int64 {
		before = n
		return n + 1
	})
	return before
}
