package actors

import (
	"github.com/ethereum/go-ethereum/common/lru"

	"github.com/imart/event-worker/markets"
)

// remembered is how many orders are kept in memory.
const remembered = 30_000

// memory is the orders that the one writer of a market has seen last: while
// nobody else writes they are as it left them, and if somebody had, the writer's
// next commit would fail. After a commit of unknown outcome it is forgotten.
type memory struct {
	orders lru.BasicLRU[string, markets.Order]
}

func newMemory() *memory { return &memory{lru.NewBasicLRU[string, markets.Order](remembered)} }

func (m *memory) forget() { m.orders.Purge() }

// mindful is a book that asks the memory first, and notes what a transaction
// changes. The memory learns that once it is committed.
type mindful struct {
	markets.Book
	memory *memory
	put    map[string]markets.Order
	gone   map[string]bool
}

func (m *memory) book(b markets.Book) *mindful {
	return &mindful{Book: b, memory: m, put: map[string]markets.Order{}, gone: map[string]bool{}}
}

// Orders implements markets.Book.
func (k *mindful) Orders(keys []string) (map[string]markets.Order, error) {
	known := make(map[string]markets.Order, len(keys))
	unknown := make([]string, 0, len(keys))
	for _, key := range keys {
		if order, ok := k.put[key]; ok {
			known[key] = order
		} else if k.gone[key] {
			continue
		} else if order, ok := k.memory.orders.Get(key); ok {
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
func (k *mindful) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		k.put[o.Key] = o
	}
	return k.Book.PutOrders(orders)
}

// DeleteOrders implements markets.Book.
func (k *mindful) DeleteOrders(keys []string) error {
	for _, key := range keys {
		k.gone[key] = true
		delete(k.put, key)
	}
	return k.Book.DeleteOrders(keys)
}

// learn takes in what has been committed.
func (m *memory) learn(k *mindful) {
	for key := range k.gone {
		m.orders.Remove(key)
	}
	for key, order := range k.put {
		m.orders.Add(key, order)
	}
}
