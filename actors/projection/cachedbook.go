package projection

import (
	"sync"

	"github.com/ethereum/go-ethereum/common/lru"

	"github.com/imart/event-worker/internal/footprint"
	"github.com/imart/event-worker/markets"
)

// The limits of a cache: orders, and their bytes in memory. Most orders take 1 to 3 KB.
const (
	cachedOrders = 30_000
	cachedBytes  = 32 << 20
)

// Cache is the orders that the one writer of a market has written last. They are as in the
// store: if another process had written, the writer's next commit would fail. Others may
// read it at any time: it changes in one step when a commit is durable. Until then the
// orders that the commit writes must be read from the store, where they may have changed
// already.
type Cache struct {
	mu      sync.RWMutex
	orders  lru.BasicLRU[string, cached]
	bytes   int64           // of the orders
	writing map[string]bool // by a commit whose outcome is not known yet
}

// cached is an order and its size in memory, in bytes.
type cached struct {
	markets.Order
	bytes int64
}

// NewCache is an empty cache.
func NewCache() *Cache {
	return &Cache{orders: lru.NewBasicLRU[string, cached](cachedOrders), writing: map[string]bool{}}
}

// Order is an order as of the last commit; false if the cache does not have it, or if a
// commit that may have taken effect writes it.
func (c *Cache) Order(key string) (markets.Order, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.writing[key] {
		return markets.Order{}, false
	}
	o, ok := c.orders.Peek(key)
	return o.Order, ok
}

// write notes that a transaction writes orders. Repetitions of the transaction add to them.
func (c *Cache) write(keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		c.writing[key] = true
	}
}

// get is Order for the writer, whose orders stay in the cache for longer.
func (c *Cache) get(key string) (markets.Order, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.orders.Get(key)
	return o.Order, ok
}

// drop empties the cache, after a commit of unknown outcome.
func (c *Cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders.Purge()
	c.bytes = 0
	clear(c.writing)
}

// cachedBook is the book of one transaction. It reads orders from the cache first, and
// notes what the transaction changes, for the cache to take over once it is committed.
type cachedBook struct {
	markets.Book
	cache *Cache
	put   map[string]markets.Order
	gone  map[string]bool
}

func (c *Cache) book(b markets.Book) *cachedBook {
	return &cachedBook{Book: b, cache: c, put: map[string]markets.Order{}, gone: map[string]bool{}}
}

// Orders implements markets.Book.
func (k *cachedBook) Orders(keys []string) (map[string]markets.Order, error) {
	known := make(map[string]markets.Order, len(keys))
	unknown := make([]string, 0, len(keys))
	for _, key := range keys {
		if order, ok := k.put[key]; ok {
			known[key] = order
		} else if k.gone[key] {
			continue
		} else if order, ok := k.cache.get(key); ok {
			known[key] = order
		} else {
			unknown = append(unknown, key)
		}
	}
	stored, err := k.Book.Orders(unknown)
	for key, order := range stored {
		known[key] = order
	}
	return known, err
}

// PutOrders implements markets.Book.
func (k *cachedBook) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		k.put[o.Key] = o
		k.cache.write(o.Key)
	}
	return k.Book.PutOrders(orders)
}

// DeleteOrders implements markets.Book.
func (k *cachedBook) DeleteOrders(keys []string) error {
	k.cache.write(keys...)
	for _, key := range keys {
		k.gone[key] = true
		delete(k.put, key)
	}
	return k.Book.DeleteOrders(keys)
}

// committed takes over what a transaction has changed.
func (c *Cache) committed(k *cachedBook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range k.gone {
		c.remove(key)
	}
	for key, order := range k.put {
		c.add(key, order)
	}
	clear(c.writing)
}

func (c *Cache) remove(key string) {
	old, _ := c.orders.Peek(key)
	c.orders.Remove(key)
	c.bytes -= old.bytes
}

// add adds an order in place of an earlier state of it, and of those that were used least
// recently if there are too many.
func (c *Cache) add(key string, order markets.Order) {
	c.remove(key)
	o := cached{Order: order}
	o.bytes = footprint.Of(&o)
	if o.bytes > cachedBytes {
		return
	}
	for c.orders.Len() > 0 && (c.orders.Len() >= cachedOrders || c.bytes+o.bytes > cachedBytes) {
		_, oldest, _ := c.orders.RemoveOldest()
		c.bytes -= oldest.bytes
	}
	c.orders.Add(key, o)
	c.bytes += o.bytes
}
