package persistence

import (
	"context"

	"github.com/imart/event-worker/markets"
)

// OpenOrders finds orders that are open (markets.Order.Open), as every Store does.
type OpenOrders interface {
	// OpenOrders returns up to limit of a market's open orders, those whose contracts were
	// asked longest ago first, beyond a cursor.
	OpenOrders(ctx context.Context, market MarketRef, after OpenCursor, limit int) ([]markets.Order, error)
	// OpenOrdersOf returns the open orders of makers, at most limit of them.
	OpenOrdersOf(ctx context.Context, market MarketRef, makers []string, limit int) ([]markets.Order, error)
	// OrdersWith returns the orders with the keys, open or not.
	OrdersWith(ctx context.Context, market MarketRef, keys []string) ([]markets.Order, error)
}

// OpenCursor is a place in the sequence of open orders: by the height of the last fact about
// them, those without one first, and then by their IDs. The zero cursor is before the first.
type OpenCursor struct {
	Height int64 // 0: no fact
	ID     string
}

// CursorAt is the cursor at an order.
func CursorAt(o markets.Order) OpenCursor {
	c := OpenCursor{ID: o.ID()}
	if o.Checked != nil {
		c.Height = o.Checked.Height
	}
	return c
}
