// Package sized has an LRU cache that is bounded in bytes as well as in entries.
package sized

import (
	"sync"

	"github.com/ethereum/go-ethereum/common/lru"
)

// Cache keeps the most recently used values, bounded in number and bytes. It is safe for
// concurrent use.
type Cache[K comparable, V any] struct {
	size func(V) int64
	most int64 // bytes

	mu   sync.Mutex
	kept lru.BasicLRU[K, V]
	used int64 // bytes
}

// New returns a cache of at most so many entries and bytes; size returns how many bytes a
// value takes.
func New[K comparable, V any](entries int, bytes int64, size func(V) int64) *Cache[K, V] {
	return &Cache[K, V]{size: size, most: bytes, kept: lru.NewBasicLRU[K, V](entries)}
}

// Get returns a cached value.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Get(key)
}

// Add caches a value and evicts the least recently used ones.
func (c *Cache[K, V]) Add(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
	_, old, evicted := c.kept.Add3(key, value)
	if evicted {
		c.used -= c.size(old)
	}
	for c.used += c.size(value); c.used > c.most; {
		_, old, ok := c.kept.RemoveOldest()
		if !ok {
			return
		}
		c.used -= c.size(old)
	}
}

// Remove evicts a value.
func (c *Cache[K, V]) Remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *Cache[K, V]) remove(key K) {
	if old, ok := c.kept.Peek(key); ok {
		c.kept.Remove(key)
		c.used -= c.size(old)
	}
}

// Purge evicts all values.
func (c *Cache[K, V]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Purge()
	c.used = 0
}
