package embedded

import (
	"cmp"
	"context"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

var _ persistence.OpenOrders = (*Reader)(nil)

// OpenOrders implements persistence.OpenOrders. It goes through all orders of the store.
func (r *Reader) OpenOrders(ctx context.Context, market persistence.MarketRef, after persistence.OpenCursor, limit int) ([]markets.Order, error) {
	all, err := r.openOrders(ctx, market, func(o markets.Order) bool { return compareCursors(persistence.CursorAt(o), after) > 0 })
	slices.SortFunc(all, func(a, b markets.Order) int { return compareCursors(persistence.CursorAt(a), persistence.CursorAt(b)) })
	return all[:min(len(all), limit)], err
}

// OpenOrdersOf implements persistence.OpenOrders.
func (r *Reader) OpenOrdersOf(ctx context.Context, market persistence.MarketRef, makers []string, limit int) ([]markets.Order, error) {
	if len(makers) == 0 {
		return nil, nil
	}
	all, err := r.openOrders(ctx, market, func(o markets.Order) bool { return slices.Contains(makers, o.Maker) })
	return all[:min(len(all), limit)], err
}

// OrdersWith implements persistence.OpenOrders.
func (r *Reader) OrdersWith(ctx context.Context, market persistence.MarketRef, keys []string) (found []markets.Order, err error) {
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		found = nil
		known := names{}
		chain, err := known.find(conn, name{0, market.Chain})
		if chain == 0 || err != nil {
			return err
		}
		parent, err := known.find(conn, name{chain, market.Market})
		if parent == 0 || err != nil {
			return err
		}
		for _, key := range keys {
			id, err := known.find(conn, name{parent, key})
			if err != nil {
				return err
			}
			if err := each(conn, "SELECT id, doc FROM orders WHERE id = ?", func(stmt *sqlite.Stmt) { stmt.BindInt64(1, id) }, func(row *sqlite.Stmt) error {
				order, err := decodedOrder(row)
				found = append(found, order)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// decodedOrder is the order in a row of id and doc.
func decodedOrder(row *sqlite.Stmt) (order markets.Order, err error) {
	if err := orderDecoder.Decode(text(row, 1, nil), &order); err != nil {
		return order, damaged("order", row.ColumnInt64(0), err)
	}
	return order, nil
}

// openOrders returns the market's open orders that are wanted.
func (r *Reader) openOrders(ctx context.Context, market persistence.MarketRef, wanted func(markets.Order) bool) (found []markets.Order, err error) {
	err = r.read(ctx, func(conn *sqlite.Conn) error {
		found = nil
		const open = "SELECT id, doc FROM orders WHERE doc ->> '$.open' AND doc ->> '$.chain' = ? AND doc ->> '$.market' = ?"
		return each(conn, open, func(stmt *sqlite.Stmt) {
			stmt.BindText(1, market.Chain)
			stmt.BindText(2, market.Market)
		}, func(row *sqlite.Stmt) error {
			order, err := decodedOrder(row)
			if err != nil {
				return err
			}
			if wanted(order) {
				found = append(found, order)
			}
			return nil
		})
	})
	return found, err
}

func compareCursors(a, b persistence.OpenCursor) int {
	return cmp.Or(cmp.Compare(a.Height, b.Height), cmp.Compare(a.ID, b.ID))
}
