package embedded

import (
	"crypto/rand"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence"
)

// keptChanges is the approximate number of changes that are kept, the newest ones.
const keptChanges = 100_000

// keptEras is the number of eras that are kept, the newest ones.
const keptEras = 1000

// fullHistory are the collections of whose documents a feed has every state. Indexes in
// this list are stored: append only.
var fullHistory = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

// latestOnly are the other collections of a feed that a data folder has. Their documents
// are few and written by every commit: the feed has only their state at the time of
// reading.
var latestOnly = []string{persistence.Actors, persistence.Leases, persistence.Requests}

// changesTables was added in version 5. Changes are written in the transaction of the
// documents.
//
// Each process that writes to the folder starts an era. Eras distinguish the positions of a
// restored backup or a copied folder from those of the original made after the copy.
const changesTables = `
CREATE TABLE changes (
	last       INTEGER PRIMARY KEY, -- the number of the row's last change; there are no gaps
	count      INTEGER NOT NULL,    -- the number of changes in the row
	entries    BLOB,                -- in the form of changeLog; NULL for a single change:
	collection TEXT,
	key        TEXT,
	removed    INTEGER
);
CREATE TABLE eras (
	id    INTEGER PRIMARY KEY,
	era   TEXT NOT NULL,   -- random
	first INTEGER NOT NULL -- the number of its first change
);
`

// changesSchema returns changesTables, and triggers that write the changes of the
// collections in latestOnly. For those in fullHistory, triggers would double the time of a
// write.
func changesSchema() string {
	var sql strings.Builder
	sql.WriteString(changesTables)
	for _, table := range latestOnly {
		for _, on := range []struct{ name, event, values string }{
			{"inserted", "INSERT", "NEW.id, 0"},
			{"updated", "UPDATE OF doc", "NEW.id, 0"},
			{"deleted", "DELETE", "OLD.id, 1"},
		} {
			fmt.Fprintf(&sql, "CREATE TRIGGER %[1]s_%[2]s AFTER %[3]s ON %[1]s BEGIN INSERT INTO changes (count, collection, key, removed) VALUES (1, '%[1]s', %[4]s); END;\n",
				table, on.name, on.event, on.values)
		}
	}
	return sql.String()
}

// startEra starts an era and removes the oldest ones.
func startEra(conn *sqlite.Conn) error {
	var name [8]byte
	_, _ = rand.Read(name[:]) // it never fails
	return sqlitex.ExecuteScript(conn, fmt.Sprintf(`
		INSERT INTO eras (era, first) SELECT '%x', ifnull(max(last), 0) + 1 FROM changes;
		DELETE FROM eras WHERE id <= (SELECT max(id) FROM eras) - %d;`, name, keptEras), nil)
}

// forgetChanges makes all positions ErrPositionGone, after documents were changed without
// an entry.
func forgetChanges(conn *sqlite.Conn) error {
	if err := sqlitex.ExecuteScript(conn, "DELETE FROM changes; DELETE FROM eras;", nil); err != nil {
		return err
	}
	return startEra(conn)
}

// prune removes the oldest changes.
func prune(conn *sqlite.Conn) error {
	_, err := run(conn, "DELETE FROM changes WHERE last <= (SELECT max(last) FROM changes) - ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, keptChanges)
	})
	return err
}
