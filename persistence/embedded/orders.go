package embedded

import (
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
)

// orderRow is where an order stands in its table: nowhere if id is 0.
type orderRow struct{ id, maker int64 }

// Orders is markets.Book's.
func (t *tx) Orders(keys []string) (map[string]markets.Order, error) {
	found := make(map[string]markets.Order, len(keys))
	err := t.step(func() error {
		for _, key := range keys {
			order, row, err := t.findOrder(key)
			if err != nil {
				return err
			}
			if row.id != 0 {
				found[key] = order
			}
		}
		return nil
	})
	return found, err
}

// findOrder reads an order and keeps in mind where it stands.
func (t *tx) findOrder(key string) (found markets.Order, at orderRow, err error) {
	err = each(t.conn, "SELECT id, maker, doc FROM orders WHERE key = ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, hash(t.market, key))
	}, func(row *sqlite.Stmt) error {
		order, err := t.order(row, 0, 2)
		if err != nil {
			return err
		}
		if order.Key == key && t.ours(order.Chain, order.Market) {
			found, at = order, orderRow{row.ColumnInt64(0), row.ColumnInt64(1)}
		}
		return nil
	})
	t.orders[key] = at
	return found, at, err
}

// OrdersOf is markets.Book's. Keys are in the order of their hashes, which is the
// index's.
func (t *tx) OrdersOf(maker, after string, limit int) (found []markets.Order, err error) {
	err = t.step(func() error {
		from := int64(-1 << 63)
		if after != "" {
			from = hash(t.market, after)
		}
		return each(t.conn, "SELECT id, key, doc FROM orders WHERE maker = ? AND key >= ? ORDER BY key, doc ->> '$.key'", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, hash(t.market, maker))
			stmt.BindInt64(2, from)
		}, func(row *sqlite.Stmt) error {
			if len(found) == limit {
				return errEnough
			}
			order, err := t.order(row, 0, 2)
			if err != nil {
				return err
			}
			passed := row.ColumnInt64(1) == from && order.Key <= after
			if order.Maker == maker && t.ours(order.Chain, order.Market) && !passed {
				found = append(found, order)
			}
			return nil
		})
	})
	return found, err
}

// order reads an order from a row.
func (t *tx) order(row *sqlite.Stmt, id, doc int) (order markets.Order, err error) {
	t.buf = text(row, doc, t.buf)
	if err := json.Unmarshal(t.buf, &order); err != nil {
		return order, damaged("order", row.ColumnInt64(id), err)
	}
	return order, nil
}

// PutOrders is markets.Book's.
func (t *tx) PutOrders(orders []markets.Order) error {
	return t.step(func() error {
		for i := range orders {
			if err := t.putOrder(&orders[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) putOrder(order *markets.Order) error {
	at, known := t.orders[order.Key]
	if !known {
		var err error
		if _, at, err = t.findOrder(order.Key); err != nil {
			return err
		}
	}
	doc, err := json.Marshal(order)
	if err != nil {
		return err
	}
	maker := hash(t.market, order.Maker)
	switch {
	case at.id == 0:
		return t.insertOrder(order.Key, maker, doc)
	case at.maker == maker:
		_, err = run(t.conn, "UPDATE orders SET doc = ? WHERE id = ?", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, string(doc))
			stmt.BindInt64(2, at.id)
		})
	default:
		_, err = run(t.conn, "UPDATE orders SET doc = ?, maker = ? WHERE id = ?", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, string(doc))
			stmt.BindInt64(2, maker)
			stmt.BindInt64(3, at.id)
		})
	}
	t.orders[order.Key] = orderRow{at.id, maker}
	return err
}

func (t *tx) insertOrder(key string, maker int64, doc []byte) error {
	_, err := run(t.conn, "INSERT INTO orders (key, maker, doc) VALUES (?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, hash(t.market, key))
		stmt.BindInt64(2, maker)
		stmt.BindText(3, string(doc))
	})
	t.orders[key] = orderRow{t.conn.LastInsertRowID(), maker}
	return err
}

// DeleteOrders is markets.Book's.
func (t *tx) DeleteOrders(keys []string) error {
	return t.step(func() error {
		for _, key := range keys {
			at, known := t.orders[key]
			if !known {
				var err error
				if _, at, err = t.findOrder(key); err != nil {
					return err
				}
			}
			if _, err := run(t.conn, "DELETE FROM orders WHERE id = ?", func(stmt *sqlite.Stmt) {
				stmt.BindInt64(1, at.id)
			}); err != nil {
				return err
			}
			t.orders[key] = orderRow{}
		}
		return nil
	})
}
