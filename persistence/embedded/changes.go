package embedded

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence"
)

// keptChanges is approximately how many of the newest changes are kept.
const keptChanges = 100_000

// keptEras is how many of the newest eras are kept.
const keptEras = 1000

// exactly are the collections of whose documents a feed has every state. The index in the
// list is stored.
var exactly = []string{persistence.Orders, persistence.Activities, persistence.Records, persistence.Notifications, persistence.DeadLetters}

// latest are the other collections of a feed that a data folder has. Of their documents,
// of which there are few and which every commit writes, it has the state at the time of
// reading.
var latest = []string{persistence.Actors, persistence.Leases, persistence.Requests}

// changesTables was added in version 5. Changes are written in the transaction of the
// documents.
//
// An era is a time in which one process wrote to the folder. It makes positions of a restored
// backup, or of a copied folder, different from those of the original after the copy was made.
const changesTables = `
CREATE TABLE changes (
	last       INTEGER PRIMARY KEY, -- the number of the row's last change; there are no gaps
	count      INTEGER NOT NULL,    -- how many changes the row has
	entries    BLOB,                -- of several changes, as changeLog has them; of a single one:
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

// changesSchema is changesTables, and triggers that write the changes of the collections in
// latest. Of those in exactly there are too many: a trigger takes as long as the document.
func changesSchema() string {
	var sql strings.Builder
	sql.WriteString(changesTables)
	for _, table := range latest {
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

// startEra starts an era. The oldest ones are forgotten.
func startEra(conn *sqlite.Conn) error {
	return sqlitex.ExecuteScript(conn, fmt.Sprintf(`
		INSERT INTO eras (era, first) SELECT lower(hex(randomblob(8))), ifnull(max(last), 0) + 1 FROM changes;
		DELETE FROM eras WHERE id <= (SELECT max(id) FROM eras) - %d;`, keptEras), nil)
}

// forgetChanges makes all positions invalid: the documents have changed without them.
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
