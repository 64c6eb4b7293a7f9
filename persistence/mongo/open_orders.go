package mongo

import (
	"cmp"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var _ persistence.OpenOrders = (*Reader)(nil)

// checkedHeight is the path of the height of the last fact about an order.
const checkedHeight = "checked.height"

// OpenOrders implements persistence.OpenOrders. Each status is read along the index on its
// own, in the index's order.
func (r *Reader) OpenOrders(ctx context.Context, market persistence.MarketRef, after persistence.OpenCursor, limit int) ([]markets.Order, error) {
	beyond := bson.A{bson.D{is(checkedHeight, bson.D{is("$gt", after.Height)})}}
	if after.Height == 0 {
		beyond = bson.A{
			bson.D{is(checkedHeight, nil), is("_id", bson.D{is("$gt", after.ID)})},
			bson.D{is(checkedHeight, bson.D{is("$gt", int64(0))})},
		}
	} else {
		beyond = append(beyond, bson.D{is(checkedHeight, after.Height), is("_id", bson.D{is("$gt", after.ID)})})
	}
	var all []markets.Order
	for _, status := range persistence.OpenStatuses() {
		for _, range_ := range beyond {
			filter := append(bson.D{is("chain", market.Chain), is("market", market.Market), is("status", status)}, range_.(bson.D)...)
			found, err := r.findOrders(ctx, filter, options.Find().SetSort(bson.D{is(checkedHeight, 1), is("_id", 1)}).SetLimit(int64(limit)))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	slices.SortFunc(all, func(a, b markets.Order) int {
		x, y := persistence.CursorAt(a), persistence.CursorAt(b)
		return cmp.Or(cmp.Compare(x.Height, y.Height), cmp.Compare(x.ID, y.ID))
	})
	return all[:min(len(all), limit)], nil
}

// OpenOrdersOf implements persistence.OpenOrders.
func (r *Reader) OpenOrdersOf(ctx context.Context, market persistence.MarketRef, makers []string, limit int) ([]markets.Order, error) {
	if len(makers) == 0 {
		return nil, nil
	}
	filter := bson.D{
		is("chain", market.Chain), is("market", market.Market), is("maker", bson.D{is("$in", makers)}),
		is("status", bson.D{is("$in", persistence.OpenStatuses())}),
	}
	return r.findOrders(ctx, filter, options.Find().SetLimit(int64(limit)))
}

// OpenOrdersWith implements persistence.OpenOrders.
func (r *Reader) OpenOrdersWith(ctx context.Context, market persistence.MarketRef, keys []string) ([]markets.Order, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = markets.Order{Chain: market.Chain, Market: market.Market, Key: key}.ID()
	}
	return r.findOrders(ctx, bson.D{is("_id", bson.D{is("$in", ids)}), is("status", bson.D{is("$in", persistence.OpenStatuses())})}, options.Find())
}

func (r *Reader) findOrders(ctx context.Context, filter bson.D, opts *options.FindOptionsBuilder) ([]markets.Order, error) {
	if !r.gate.enter() {
		return nil, errClosed
	}
	defer r.gate.leave()
	cursor, err := r.database.Collection(persistence.Orders).Find(ctx, filter, opts)
	if err != nil {
		return nil, r.explain(err)
	}
	var docs []documents.Order
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, r.explain(err)
	}
	orders := make([]markets.Order, len(docs))
	for i := range docs {
		orders[i] = docs[i].Order
	}
	return orders, nil
}
