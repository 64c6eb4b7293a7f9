package embedded

import (
	"context"
	"errors"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

var errOver = errors.New("the transaction is over")

// tx is an open transaction. Its first error ends it: after some errors SQLite has
// already rolled back, and a later write would not belong to the transaction.
type tx struct {
	ctx    context.Context
	conn   *sqlite.Conn
	ref    persistence.MarketRef
	names  names
	err    error
	market int64 // the number of the market's name
	// orders caches the orders that were read or written, by the numbers of their keys.
	orders map[int64]orderRow
	buf    []byte  // of the document that is being read
	out    encoder // of the document that is being written
	log    changeLog
}

var _ persistence.Tx = (*tx)(nil)

func newTx(ctx context.Context, conn *sqlite.Conn, ref persistence.MarketRef, names names) (*tx, error) {
	chain, err := names.number(conn, name{0, ref.Chain})
	if err != nil {
		return nil, err
	}
	market, err := names.number(conn, name{chain, ref.Market})
	if err != nil {
		return nil, err
	}
	return &tx{ctx: ctx, conn: conn, ref: ref, names: names, market: market, orders: map[int64]orderRow{}}, nil
}

// within runs do in a transaction on a market. An error of the transaction is returned
// even if do ignores it.
func within(ctx context.Context, conn *sqlite.Conn, market persistence.MarketRef, names names, do func(tx persistence.Tx) error) error {
	tx, err := newTx(ctx, conn, market, names)
	if err != nil {
		return err
	}
	err = do(tx)
	if err == nil {
		err = tx.err
	}
	if err == nil {
		err = tx.log.write(conn)
	}
	tx.err = errOver // do may have kept tx
	return err
}

// step runs one step of the transaction, unless an earlier one has failed.
func (t *tx) step(do func() error) error {
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	if t.err == nil {
		t.err = do()
	}
	return t.err
}

// number returns the number of a name within the market.
func (t *tx) number(of string) (int64, error) { return t.names.number(t.conn, name{t.market, of}) }

// find returns the number of a name within the market, 0 if it has none.
func (t *tx) find(of string) (int64, error) { return t.names.find(t.conn, name{t.market, of}) }

// stored returns a document as stored; nil if it does not exist.
func (t *tx) stored(collection string, id int64) (doc []byte, err error) {
	err = each(t.conn, "SELECT doc FROM "+collection+" WHERE id = ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, id)
	}, func(row *sqlite.Stmt) error {
		doc = text(row, 0, nil)
		return nil
	})
	return doc, err
}

// remove removes the documents that match a condition, logs their changes, and returns
// their number.
func (t *tx) remove(collection, where string, bind binder) (n int, err error) {
	err = each(t.conn, "DELETE FROM "+collection+" WHERE "+where+" RETURNING id, doc", bind, func(row *sqlite.Stmt) error {
		n++
		t.buf = text(row, 1, t.buf)
		t.log.remove(collection, row.ColumnInt64(0), t.buf)
		return nil
	})
	return n, err
}

func (t *tx) removeByID(collection string, id int64) (int, error) {
	return t.remove(collection, "id = ?", func(stmt *sqlite.Stmt) { stmt.BindInt64(1, id) })
}

// Places implements markets.Book.
func (t *tx) Places() (found map[string]int64, err error) {
	err = t.step(func() error {
		found, err = places(t.conn, t.ref)
		return err
	})
	return found, err
}
