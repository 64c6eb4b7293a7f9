package markets

// Book is one market's documents and log, as a transition reads and writes them within one
// transaction of the store.
type Book interface {
	// Places returns the seq up to which each stream is folded into the market's documents.
	// A stream that has none yet is missing.
	Places() (map[string]int64, error)
	// Orders returns those of the orders that exist, by key.
	Orders(keys []string) (map[string]Order, error)
	// OrdersOf returns up to limit orders of a maker, of one nonce if it is known, by key,
	// starting after a key. The order of keys is the store's own, but stable; the empty key
	// comes before all others.
	OrdersOf(maker string, nonce Amount, after string, limit int) ([]Order, error)
	// Records returns those of the records that exist, by RecordKey.
	Records(keys []string) (map[string]Record, error)
	// Log returns the events with any of the keys (Event.Key), in any order.
	Log(keys []string) ([]Event, error)
	// LogBetween returns up to limit events of a stream with after < seq <= through, by seq
	// and position, starting after the position from.
	LogBetween(stream string, after, through int64, from Position, limit int) ([]Event, error)
	// BulkCancels says whether the log has any bulk cancel (OrdersCancelled).
	BulkCancels() (bool, error)

	PutOrders([]Order) error
	DeleteOrders(keys []string) error
	PutRecords([]Record) error
	DeleteRecords(keys []string) error
}
