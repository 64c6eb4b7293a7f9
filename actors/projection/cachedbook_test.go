package projection

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/internal/footprint"
	"github.com/imart/event-worker/markets"
)

// shelf is a book of nothing but orders.
type shelf struct {
	markets.Book
	orders map[string]markets.Order
	asked  int // for orders
}

func (s *shelf) Orders(keys []string) (map[string]markets.Order, error) {
	found := map[string]markets.Order{}
	for _, key := range keys {
		if o, ok := s.orders[key]; ok {
			found[key] = o
		}
	}
	s.asked += len(keys)
	return found, nil
}

func (s *shelf) PutOrders(orders []markets.Order) error {
	for _, o := range orders {
		s.orders[o.Key] = o
	}
	return nil
}

func (s *shelf) DeleteOrders(keys []string) error {
	for _, key := range keys {
		delete(s.orders, key)
	}
	return nil
}

// What a transaction has written it reads; others read it once it is committed,
// and then without asking the store.
func TestTheCacheHoldsWhatIsCommittedAndATransactionReadsWhatItWrites(t *testing.T) {
	m, s := NewCache(), &shelf{orders: map[string]markets.Order{"a": {Key: "a", Taker: "old"}, "b": {Key: "b"}}}
	read := func(k *cachedBook) string {
		orders, err := k.Orders([]string{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		return orders["a"].Taker + " " + string(slices.Sorted(maps.Keys(orders))[0])
	}
	write := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	first := m.book(s)
	write(first.PutOrders([]markets.Order{{Key: "a", Taker: "new"}}))
	if got := read(first); got != "new a" {
		t.Errorf("the transaction reads %q", got)
	}
	m.committed(first)
	if asked := s.asked; read(m.book(s)) != "new a" || s.asked != asked+1 { // for b alone
		t.Errorf("the store is asked for %d orders", s.asked-asked)
	}
	second := m.book(s)
	write(second.DeleteOrders([]string{"a"}))
	if got := read(second); got != " b" {
		t.Errorf("after the deletion the transaction reads %q", got)
	}
	write(second.PutOrders([]markets.Order{{Key: "a", Taker: "again"}}))
	if got := read(second); got != "again a" {
		t.Errorf("after it was listed again the transaction reads %q", got)
	}
	write(second.DeleteOrders([]string{"a"}))
	m.committed(second)
	if got := read(m.book(s)); got != " b" {
		t.Errorf("once it is deleted others read %q", got)
	}
}

// While a commit is under way the store may have its orders already: they are not read from
// the cache until the outcome is known, whatever the last attempt of the transaction
// writes.
func TestOrdersThatAreBeingCommittedAreReadFromTheStore(t *testing.T) {
	m, s := NewCache(), &shelf{orders: map[string]markets.Order{}}
	transaction := func(do func(k *cachedBook) error) *cachedBook {
		k := m.book(s)
		if err := do(k); err != nil {
			t.Fatal(err)
		}
		return k
	}
	put := func(keys ...string) func(k *cachedBook) error {
		return func(k *cachedBook) error {
			var orders []markets.Order
			for _, key := range keys {
				orders = append(orders, markets.Order{Key: key})
			}
			return k.PutOrders(orders)
		}
	}
	cached := func() (keys string) {
		for _, key := range []string{"a", "b", "c"} {
			if _, ok := m.Order(key); ok {
				keys += key
			}
		}
		return keys
	}
	expect := func(when, want string) {
		t.Helper()
		if got := cached(); got != want {
			t.Errorf("%s: %q can be read, want %q", when, got, want)
		}
	}
	m.committed(transaction(put("a", "b", "c")))
	expect("at rest", "abc")
	transaction(func(k *cachedBook) error { return k.DeleteOrders([]string{"a"}) })
	expect("while one is deleted", "bc")
	second := transaction(put("b"))
	expect("while the transaction is repeated", "c")
	m.committed(second)
	expect("once it is committed", "abc")
	transaction(put("c"))
	m.drop()
	expect("after an unknown outcome", "")
	m.committed(transaction(put("c")))
	expect("after another commit", "c")
}

// Whatever is written, the cache has what the store has, the newest of it, and no more bytes
// than it may.
func TestTheCacheIsBounded(t *testing.T) {
	text := strings.Repeat("x", cachedBytes)
	rapid.Check(t, func(t *rapid.T) {
		m, s := NewCache(), &shelf{orders: map[string]markets.Order{}}
		for range rapid.IntRange(1, 30).Draw(t, "commits") {
			k, newest := m.book(s), ""
			for range rapid.IntRange(1, 5).Draw(t, "changes") {
				key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"}).Draw(t, "key")
				if rapid.IntRange(0, 4).Draw(t, "delete") == 0 {
					if err := k.DeleteOrders([]string{key}); err != nil {
						t.Fatal(err)
					}
					continue
				}
				newest = key
				order := markets.Order{Key: key, Maker: text[:rapid.IntRange(0, cachedBytes/2).Draw(t, "bytes")]}
				if err := k.PutOrders([]markets.Order{order}); err != nil {
					t.Fatal(err)
				}
			}
			m.committed(k)
			bytes, cached := int64(0), 0
			for _, key := range m.orders.Keys() {
				o, _ := m.orders.Peek(key)
				if o.Order.Maker != s.orders[key].Maker {
					t.Fatalf("the cache has another %s than the store", key)
				}
				bytes, cached = bytes+footprint.Of(&o), cached+1
			}
			if bytes != m.bytes || bytes > cachedBytes {
				t.Fatalf("%d bytes, counted %d", bytes, m.bytes)
			}
			if _, stored := s.orders[newest]; stored && len(k.put) == 1 && cached == 0 {
				t.Fatal("the newest order is not in the cache")
			}
		}
	})
}
