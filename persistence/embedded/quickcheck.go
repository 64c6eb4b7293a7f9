package embedded

import (
	"encoding/json"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// quickCheck reads the documents of actors and leases, which every process needs, in
// milliseconds. inspect has read the schema; SQLite has compared the file's size with its
// header.
func quickCheck(conn *sqlite.Conn) error {
	for _, collection := range []string{persistence.Actors, persistence.Leases} {
		if err := each(conn, "SELECT rowid, doc FROM "+collection, nothing, func(row *sqlite.Stmt) error {
			var doc struct{}
			if err := json.Unmarshal(text(row, 1, nil), &doc); err != nil {
				return damaged(collection, row.ColumnInt64(0), err)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
