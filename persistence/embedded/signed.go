package embedded

import (
	"context"
	"encoding/json"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var _ persistence.SignedOrderStore = (*Store)(nil)

// PendingSigned implements persistence.SignedOrderStore.
func (s *Store) PendingSigned(ctx context.Context, market persistence.MarketRef, limit int) (found []persistence.PendingOrder, err error) {
	size := 0
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return each(conn, "SELECT doc FROM signed_orders WHERE chain = ? AND market = ? AND state = 'pending' ORDER BY id LIMIT ?", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, market.Chain)
			stmt.BindText(2, market.Market)
			stmt.BindInt64(3, int64(limit))
		}, func(row *sqlite.Stmt) error {
			doc, err := signedOrder(row)
			if err != nil {
				return err
			}
			o := persistence.SignedOrder{Chain: doc.Chain, Market: doc.Market, Contract: doc.Contract, Parameters: doc.Parameters, Signature: doc.Signature}
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			found = append(found, persistence.PendingOrder{ID: string(doc.ID), Text: text})
			if size += len(text); size >= persistence.BatchBytes {
				return errEnough
			}
			return nil
		})
	})
	return found, err
}

// InsertSigned implements persistence.SignedOrderStore.
func (s *Store) InsertSigned(ctx context.Context, orders []persistence.SignedOrder) (inserted int, err error) {
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		inserted = 0
		for _, o := range orders {
			known, err := knownSigned(conn, o)
			if err != nil {
				return err
			}
			if known {
				continue
			}
			o.SignedAnswer = persistence.SignedAnswer{State: persistence.SignedPending}
			if err := putSigned(conn, documents.SignedOrder{ID: documents.DocumentID(o.ContentID()), SignedOrder: o}); err != nil {
				return err
			}
			inserted++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return inserted, nil
}

// knownSigned says whether a signed order is known, as InsertSigned has it.
func knownSigned(conn *sqlite.Conn, o persistence.SignedOrder) (known bool, err error) {
	found := func(*sqlite.Stmt) error {
		known = true
		return nil
	}
	err = each(conn, "SELECT 1 FROM signed_orders WHERE id = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, o.ContentID()) }, found)
	if err != nil || known || o.Hash == "" {
		return known, err
	}
	const same = " AND chain = ? AND market = ? AND state <> 'rejected'"
	inMarket := func(stmt *sqlite.Stmt) {
		stmt.BindText(2, o.Chain)
		stmt.BindText(3, o.Market)
	}
	err = each(conn, "SELECT 1 FROM signed_orders WHERE hash = ?"+same+" AND coalesce(doc ->> '$.contract', '') = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, o.Hash)
		inMarket(stmt)
		stmt.BindText(4, o.Contract)
	}, found)
	key, keyed := o.OrderKey()
	if err != nil || known || !keyed {
		return known, err
	}
	err = each(conn, "SELECT 1 FROM signed_orders WHERE key = ?"+same, func(stmt *sqlite.Stmt) {
		stmt.BindText(1, key)
		inMarket(stmt)
	}, found)
	return known, err
}

// HandedIn implements persistence.Tx.
func (t *tx) HandedIn(keys []string) (map[string]bool, error) {
	found := map[string]bool{}
	for _, key := range keys {
		hash, _, _ := strings.Cut(key, "@")
		err := t.step(func() error {
			return each(t.conn, "SELECT doc FROM signed_orders WHERE (hash = ? OR key = ?) AND +chain = ? AND +market = ?", func(stmt *sqlite.Stmt) {
				stmt.BindText(1, hash)
				stmt.BindText(2, key)
				stmt.BindText(3, t.ref.Chain)
				stmt.BindText(4, t.ref.Market)
			}, func(row *sqlite.Stmt) error {
				doc, err := signedOrder(row)
				found[key] = found[key] || doc.IsOf(key)
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// answerSigned sets the answer of a signed order of the market, if its document still
// exists; with at, only if its answer is of that position.
func (t *tx) answerSigned(id string, at *markets.Position, answer persistence.SignedAnswer) error {
	var docs []documents.SignedOrder
	err := each(t.conn, "SELECT doc FROM signed_orders WHERE id = ? AND chain = ? AND market = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, id)
		stmt.BindText(2, t.ref.Chain)
		stmt.BindText(3, t.ref.Market)
	}, func(row *sqlite.Stmt) error {
		doc, err := signedOrder(row)
		if err == nil && (at == nil || doc.Position != nil && *doc.Position == *at) {
			docs = append(docs, doc)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, doc := range docs {
		doc.SignedAnswer = answer
		if err := putSigned(t.conn, doc); err != nil {
			return err
		}
	}
	return nil
}

// signedOrder decodes a row of doc.
func signedOrder(row *sqlite.Stmt) (doc documents.SignedOrder, err error) {
	if err := decode(text(row, 0, nil), &doc); err != nil {
		return doc, damaged("signed order", "", err)
	}
	return doc, nil
}

func putSigned(conn *sqlite.Conn, doc documents.SignedOrder) error {
	stored, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	_, err = run(conn, "REPLACE INTO signed_orders (id, doc) VALUES (?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, string(doc.ID))
		stmt.BindText(2, string(stored))
	})
	return err
}
