package embedded

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

var errOver = errors.New("the transaction is over")

// tx is the inside of a transaction. Its first error ends it: after some errors
// SQLite has rolled back already, and a write would stand alone.
type tx struct {
	ctx    context.Context
	conn   *sqlite.Conn
	market persistence.MarketRef
	names  names
	err    error
	// orders is where the orders that were looked up stand.
	orders map[string]orderRow
	buf    []byte
}

var _ persistence.Tx = (*tx)(nil)

func newTx(ctx context.Context, conn *sqlite.Conn, market persistence.MarketRef, names names) *tx {
	return &tx{ctx: ctx, conn: conn, market: market, names: names, orders: map[string]orderRow{}}
}

// step runs one step of the transaction unless an earlier one has failed.
func (t *tx) step(do func() error) error {
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	if t.err == nil {
		t.err = do()
	}
	return t.err
}

// number is the number of a stream of the market, or with an empty stream of the
// market itself.
func (t *tx) number(stream string) (int64, error) {
	return t.names.number(t.conn, name{t.market, stream})
}

// Places is markets.Book's.
func (t *tx) Places() (found map[string]int64, err error) {
	err = t.step(func() error {
		found, err = places(t.conn, t.market)
		return err
	})
	return found, err
}

// ours says whether a document is of the transaction's market.
func (t *tx) ours(chain, market string) bool {
	return chain == t.market.Chain && market == t.market.Market
}
