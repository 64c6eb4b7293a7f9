package embedded

import (
	"context"
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// Currencies implements persistence.Store.
func (s *Store) Currencies(ctx context.Context, ids []string) (found []persistence.KnownCurrency, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		found, err = currenciesBy(conn, ids)
		return err
	})
	return found, err
}

// AddCurrencies implements persistence.Store.
func (s *Store) AddCurrencies(ctx context.Context, added []persistence.KnownCurrency) (stored []persistence.KnownCurrency, err error) {
	ids := make([]string, len(added))
	err = s.write(ctx, func(conn *sqlite.Conn) error {
		for i, c := range added {
			ids[i] = c.ID
			doc, err := json.Marshal(c)
			if err != nil {
				return err
			}
			if _, err := run(conn, "INSERT INTO currencies (id, doc) VALUES (?, ?) ON CONFLICT DO NOTHING", func(stmt *sqlite.Stmt) {
				stmt.BindText(1, c.ID)
				stmt.BindText(2, string(doc))
			}); err != nil {
				return err
			}
		}
		stored, err = currenciesBy(conn, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func currenciesBy(conn *sqlite.Conn, ids []string) (found []persistence.KnownCurrency, err error) {
	for _, id := range ids {
		err := each(conn, "SELECT doc FROM currencies WHERE id = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, id) }, func(row *sqlite.Stmt) error {
			var c persistence.KnownCurrency
			if err := decode(text(row, 0, nil), &c); err != nil {
				return damaged("currency", id, err)
			}
			found = append(found, c)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
