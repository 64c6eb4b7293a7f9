package embedded

import (
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// orderRow is the cached state of an order's row.
type orderRow struct {
	exists bool
	maker  int64
	orderColumns
	doc []byte // as read; nil after a write
}

// Orders implements markets.Book.
func (t *tx) Orders(keys []string) (map[string]markets.Order, error) {
	found := make(map[string]markets.Order, len(keys))
	err := t.step(func() error {
		for _, key := range keys {
			id, err := t.find(key)
			if err != nil {
				return err
			}
			if id == 0 {
				continue
			}
			order, exists, err := t.order(id)
			if err != nil {
				return err
			}
			if exists {
				found[key] = order
			}
		}
		return nil
	})
	return found, err
}

// order reads an order and caches the state of its row.
func (t *tx) order(id int64) (order markets.Order, exists bool, err error) {
	at := orderRow{}
	err = each(t.conn, "SELECT id, doc, maker, collection, listed, book FROM orders WHERE id = ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, id)
	}, func(row *sqlite.Stmt) (err error) {
		at = orderRow{true, row.ColumnInt64(2), orderColumns{row.ColumnInt64(3), row.ColumnText(4), row.ColumnText(5)}, text(row, 1, nil)}
		if err := orderDecoder.Decode(at.doc, &order); err != nil {
			return damaged("order", id, err)
		}
		return nil
	})
	t.orders[id] = at
	return order, at.exists, err
}

// orderIn decodes an order from a row of id and doc.
func (t *tx) orderIn(row *sqlite.Stmt) (order markets.Order, err error) {
	t.buf = text(row, 1, t.buf)
	if err := orderDecoder.Decode(t.buf, &order); err != nil {
		return order, damaged("order", row.ColumnInt64(0), err)
	}
	return order, nil
}

// OrdersOf implements markets.Book. Keys are in the order in which they were first seen.
func (t *tx) OrdersOf(maker string, nonce markets.Amount, after string, limit int) (found []markets.Order, err error) {
	err = t.step(func() error {
		number, err := t.find(markets.MakerKey(maker))
		if err != nil || number == 0 {
			return err
		}
		from := int64(0)
		if after != "" {
			if from, err = t.find(after); err != nil {
				return err
			}
		}
		return each(t.conn, "SELECT id, doc FROM orders WHERE maker = ?1 AND id > ?2 AND ?4 IN ('', doc ->> '$.nonce') ORDER BY id LIMIT ?3", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, number)
			stmt.BindInt64(2, from)
			stmt.BindInt64(3, int64(limit))
			stmt.BindText(4, string(nonce))
		}, func(row *sqlite.Stmt) error {
			order, err := t.orderIn(row)
			if err == nil {
				found = append(found, order)
			}
			return err
		})
	})
	return found, err
}

// PutOrders implements markets.Book.
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

// putOrder does not update the indexes unless an indexed column changes.
func (t *tx) putOrder(order *markets.Order) error {
	id, err := t.number(order.Key)
	if err != nil {
		return err
	}
	maker, err := t.number(markets.MakerKey(order.Maker))
	if err != nil {
		return err
	}
	t.out = encoder{buf: t.out.buf[:0]}
	if t.out.order(order); t.out.err != nil {
		return fmt.Errorf("order %s: %w", order.ID(), t.out.err)
	}
	at, known := t.orders[id]
	before := at.doc
	if before == nil && (at.exists || !known) {
		if before, err = t.stored(persistence.Orders, id); err != nil {
			return err
		}
	}
	t.log.put(persistence.Orders, id, before)
	columns := columnsOf(order)
	query := "INSERT INTO orders (id, doc, maker, collection, listed, book) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	switch {
	case !known:
		query += " ON CONFLICT DO UPDATE SET doc = ?2, maker = ?3, collection = ?4, listed = ?5, book = ?6"
	case at.exists && at.maker == maker && at.orderColumns == columns:
		query = "UPDATE orders SET doc = ?2 WHERE id = ?1 AND maker = ?3 AND collection = ?4 AND listed = ?5 AND book = ?6"
	case at.exists:
		query = "UPDATE orders SET doc = ?2, maker = ?3, collection = ?4, listed = ?5, book = ?6 WHERE id = ?1"
	}
	_, err = run(t.conn, query, func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, id)
		stmt.BindText(2, string(t.out.buf))
		stmt.BindInt64(3, maker)
		stmt.BindInt64(4, columns.collection)
		stmt.BindText(5, columns.listed)
		stmt.BindText(6, columns.book)
	})
	t.orders[id] = orderRow{exists: true, maker: maker, orderColumns: columns}
	return err
}

// DeleteOrders implements markets.Book.
func (t *tx) DeleteOrders(keys []string) error {
	return t.step(func() error {
		for _, key := range keys {
			id, err := t.find(key)
			if err != nil {
				return err
			}
			if _, err := t.removeByID(persistence.Orders, id); err != nil {
				return err
			}
			t.orders[id] = orderRow{}
		}
		return nil
	})
}
