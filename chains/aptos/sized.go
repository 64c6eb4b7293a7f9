package aptos

import (
	"sync"

	"github.com/ethereum/go-ethereum/common/lru"
)

// sized is a cache that is bounded in bytes, too.
type sized[V any] struct {
	size func(V) int64
	most int64 // bytes

	mu   sync.Mutex
	kept lru.BasicLRU[int64, V]
	used int64 // bytes
}

func newSized[V any](entries int, bytes int64, size func(V) int64) *sized[V] {
	return &sized[V]{size: size, most: bytes, kept: lru.NewBasicLRU[int64, V](entries)}
}

// Get returns what is kept.
func (c *sized[V]) Get(key int64) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Get(key)
}

// Add keeps a value, and forgets those that were not used for longest.
func (c *sized[V]) Add(key int64, value V) {
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

// Remove forgets a value.
func (c *sized[V]) Remove(key int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *sized[V]) remove(key int64) {
	if old, ok := c.kept.Peek(key); ok {
		c.kept.Remove(key)
		c.used -= c.size(old)
	}
}

// Purge forgets all.
func (c *sized[V]) Purge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Purge()
	c.used = 0
}
