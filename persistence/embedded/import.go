package embedded

import (
	"context"
	"encoding/json"
	"errors"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Import writes new documents to the collection to.Collection and takes the copy
// from one point to another, in one transaction. from is nil at a copy's beginning,
// to is nil at its end. The error is persistence.ErrOtherCopy when the copy does not
// stand at from, and names the document when one cannot be stored exactly.
func (s *Store) Import(ctx context.Context, from, to *persistence.Copying, docs []json.RawMessage) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		if err := advance(conn, from, to); err != nil || to == nil {
			return err
		}
		i := importer{ctx, conn, s.names, to.Collection, map[persistence.MarketRef]*tx{}}
		for _, doc := range docs {
			if err := i.put(doc); err != nil {
				return persistence.NameCopied(to.Collection, doc, err)
			}
		}
		return nil
	})
}

// advance takes the copy from one point to another. The table of its point exists
// as long as the copy is not complete.
func advance(conn *sqlite.Conn, from, to *persistence.Copying) error {
	if from == nil {
		return begin(conn, to)
	}
	at, err := json.Marshal(from)
	if err != nil {
		return err
	}
	next, err := json.Marshal(to)
	if err != nil {
		return err
	}
	if tables, err := copies(conn); err != nil || tables == 0 {
		return errors.Join(err, persistence.ErrOtherCopy)
	}
	n, err := run(conn, "UPDATE unfinished_copy SET doc = ?2 WHERE doc = ?1", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, string(at))
		stmt.BindText(2, string(next))
	})
	switch {
	case err != nil:
		return err
	case n == 0:
		return persistence.ErrOtherCopy
	case to == nil:
		return sqlitex.ExecuteTransient(conn, "DROP TABLE unfinished_copy", nil)
	}
	return nil
}

// begin begins a copy.
func begin(conn *sqlite.Conn, at *persistence.Copying) error {
	doc, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if tables, err := copies(conn); err != nil || tables > 0 {
		return errors.Join(err, persistence.ErrOtherCopy)
	}
	if err := sqlitex.ExecuteTransient(conn, "CREATE TABLE unfinished_copy (doc TEXT NOT NULL)", nil); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(conn, "INSERT INTO unfinished_copy VALUES (?)", &sqlitex.ExecOptions{Args: []any{string(doc)}})
}

// copies is the number of tables of unfinished copies, none or one.
func copies(conn *sqlite.Conn) (int64, error) {
	return number(conn, "SELECT count(*) FROM sqlite_schema WHERE name = 'unfinished_copy'")
}

// Clear removes all documents of an unfinished copy.
func (s *Store) Clear(ctx context.Context) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		if tables, err := copies(conn); err != nil || tables == 0 {
			return errors.Join(err, persistence.ErrOtherCopy)
		}
		clear(s.names)
		for _, table := range append([]string{"names"}, persistence.Copied...) {
			if _, err := run(conn, "DELETE FROM "+table, nothing); err != nil {
				return err
			}
		}
		return nil
	})
}

// importer writes documents of one collection within a transaction.
type importer struct {
	ctx        context.Context
	conn       *sqlite.Conn
	names      names
	collection string
	markets    map[persistence.MarketRef]*tx
}

// put writes a new document.
func (i *importer) put(doc json.RawMessage) error {
	switch i.collection {
	case persistence.Orders:
		return put(i, doc, func(o *markets.Order) (chain, market string) { return o.Chain, o.Market }, (*tx).putOrder)
	case persistence.Activities:
		return put(i, doc, func(a *markets.Activity) (chain, market string) { return a.Chain, a.Market }, (*tx).appendActivity)
	case persistence.Records:
		return put(i, doc, func(r *markets.Record) (chain, market string) { return r.Chain, r.Market }, (*tx).putRecord)
	case persistence.Notifications:
		return put(i, doc, func(n *markets.Notification) (chain, market string) { return n.Chain, n.Market }, (*tx).notify)
	case persistence.DeadLetters:
		return put(i, doc, func(d *markets.DeadLetter) (chain, market string) { return d.Chain, d.Market }, (*tx).appendLetter)
	case persistence.Actors:
		return putKeyed(i, doc, func(a *persistence.Actor) string { return a.ID })
	case persistence.Leases:
		return putKeyed(i, doc, func(l *persistence.Lease) string { return l.Chain })
	}
	return persistence.UnknownCollection(i.collection)
}

// put writes a document of a market.
func put[T interface{ ID() string }](i *importer, doc json.RawMessage, of func(*T) (chain, market string), write func(*tx, *T) error) error {
	var v T
	stored, err := reread(doc, &v)
	if err != nil {
		return err
	}
	if stored, err = withKey(v.ID(), stored); err != nil {
		return err
	}
	if err := persistence.CheckCopy(doc, stored); err != nil {
		return err
	}
	chain, market := of(&v)
	t, err := i.within(persistence.MarketRef{Chain: chain, Market: market})
	if err != nil {
		return err
	}
	return write(t, &v)
}

// within is a transaction on a market.
func (i *importer) within(market persistence.MarketRef) (*tx, error) {
	if t := i.markets[market]; t != nil {
		return t, nil
	}
	t, err := newTx(i.ctx, i.conn, market, i.names)
	i.markets[market] = t
	return t, err
}

// putKeyed writes a document that is stored with its key.
func putKeyed[T any](i *importer, doc json.RawMessage, id func(*T) string) error {
	var v T
	stored, err := reread(doc, &v)
	if err != nil {
		return err
	}
	if err := persistence.CheckCopy(doc, stored); err != nil {
		return err
	}
	_, err = run(i.conn, "INSERT INTO "+i.collection+" (id, doc) VALUES (?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id(&v))
		stmt.BindText(2, string(stored))
	})
	return err
}

// reread reads a document and returns it as it is written again.
func reread(doc json.RawMessage, into any) (json.RawMessage, error) {
	if err := decode(doc, into); err != nil {
		return nil, err
	}
	return json.Marshal(into)
}
