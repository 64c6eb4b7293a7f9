package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var _ persistence.OpenOrders = (*Reader)(nil)

// checkedHeight is the path of the height of the last fact about an order.
const checkedHeight = "checked.height"

// OpenOrders implements persistence.OpenOrders. It goes along the index: first through the
// orders of the cursor's height, then on to greater ones.
func (r *Reader) OpenOrders(ctx context.Context, market persistence.MarketRef, after persistence.OpenCursor, limit int) ([]markets.Order, error) {
	var height any = after.Height
	if after.Height == 0 {
		height = nil
	}
	same := bson.D{is(checkedHeight, height), is("_id", bson.D{is("$gt", after.ID)})}
	greater := bson.D{is(checkedHeight, bson.D{is("$gt", after.Height)})}
	var all []markets.Order
	for _, beyond := range []bson.D{same, greater} {
		if len(all) == limit {
			break
		}
		found, err := r.findOrders(ctx, append(openOf(market), beyond...),
			options.Find().SetSort(bson.D{is(checkedHeight, 1), is("_id", 1)}).SetLimit(int64(limit-len(all))))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// openOf matches a market's open orders.
func openOf(market persistence.MarketRef) bson.D {
	return bson.D{is("chain", market.Chain), is("market", market.Market), is("open", true)}
}

// OpenOrdersOf implements persistence.OpenOrders.
func (r *Reader) OpenOrdersOf(ctx context.Context, market persistence.MarketRef, makers []string, limit int) ([]markets.Order, error) {
	if len(makers) == 0 {
		return nil, nil
	}
	filter := append(openOf(market), in("maker", makers))
	return r.findOrders(ctx, filter, options.Find().SetLimit(int64(limit)))
}

// OrdersWith implements persistence.OpenOrders.
func (r *Reader) OrdersWith(ctx context.Context, market persistence.MarketRef, keys []string) ([]markets.Order, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ids := make([]string, len(keys))
	for i, key := range keys {
		ids[i] = markets.Order{Chain: market.Chain, Market: market.Market, Key: key}.ID()
	}
	return r.findOrders(ctx, bson.D{in("_id", ids)}, options.Find())
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
