package embedded

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// applicationID identifies event worker databases: "IMEW" in the file's header.
const applicationID = 0x494d4557

// schemaVersion is the version of schema, kept in the file as user_version.
const schemaVersion = 5

// checksumsSince is the first version whose files have checksums.
const checksumsSince = 5

// schema stores every document as JSON text in doc, readable by any tool. The other
// columns contain what the program searches by, and what lists are sorted by (lists.go);
// other fields that only people search by have no index.
//
// Keys of orders and makers are long and random: an index entry of a key is written at a
// random position, and a commit writes a whole page for each. So keys are stored in only
// one such index, that of names, and as numbers everywhere else, which increase with
// time and are written next to each other.
const schema = `
CREATE TABLE names (
	id     INTEGER PRIMARY KEY,
	parent INTEGER NOT NULL, -- the chain of a market, the market of a stream, order or maker
	hash   INTEGER NOT NULL, -- of parent and name, hardly ever the same for two
	name   TEXT NOT NULL
);
CREATE INDEX names_hash ON names (hash);
CREATE TABLE activities (
	id     INTEGER PRIMARY KEY,
	key    INTEGER NOT NULL, -- the name of Event.Key
	stream INTEGER NOT NULL, -- the stream's name
	seq    INTEGER NOT NULL,
	bulk   INTEGER,          -- the market's name, if this is a bulk cancel
	doc    TEXT NOT NULL,
	time   TEXT NOT NULL DEFAULT '' -- without the Z
);
CREATE INDEX activities_key ON activities (key);
CREATE INDEX activities_seq ON activities (stream, seq);
CREATE INDEX activities_bulk ON activities (bulk) WHERE bulk IS NOT NULL;
CREATE TABLE orders (
	id    INTEGER PRIMARY KEY, -- the name of its key
	maker INTEGER NOT NULL,    -- the name of its markets.MakerKey
	doc   TEXT NOT NULL,
	collection INTEGER NOT NULL DEFAULT 0, -- the hash of the token's
	listed     TEXT NOT NULL DEFAULT '',   -- listedAt without the Z
	book       TEXT NOT NULL DEFAULT ''    -- side and unit price; empty unless the order is open
);
CREATE INDEX orders_maker ON orders (maker);
CREATE TABLE records (
	id  INTEGER PRIMARY KEY, -- the name of its markets.RecordKey
	doc TEXT NOT NULL
);
CREATE TABLE dead_letters (
	id     INTEGER PRIMARY KEY,
	letter TEXT NOT NULL UNIQUE,
	stream INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	doc    TEXT NOT NULL
);
CREATE INDEX dead_letters_seq ON dead_letters (stream, seq);
` + notifications + signedOrders + currencies + requests + metadata + audits + hooks + `
CREATE TABLE actors (
	id        TEXT PRIMARY KEY,
	chain     TEXT    AS (doc ->> '$.chain') STORED,
	market    TEXT    AS (doc ->> '$.market') STORED,
	stream    TEXT    AS (doc ->> '$.stream') STORED,
	documents INTEGER AS (doc ->> '$.documents') STORED,
	epoch     INTEGER AS (doc ->> '$.epoch') STORED,
	seq       INTEGER AS (doc ->> '$.seq') STORED,
	doc       TEXT NOT NULL
);
CREATE TABLE leases (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
`

// notifications was added in version 2.
const notifications = `
CREATE TABLE notifications (
	id     INTEGER PRIMARY KEY,
	stream INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	doc    TEXT NOT NULL
);
CREATE INDEX notifications_seq ON notifications (stream, seq);
`

// signedOrders was added in version 3.
const signedOrders = `
CREATE TABLE signed_orders (
	id     TEXT PRIMARY KEY,
	chain  TEXT AS (doc ->> '$.chain') STORED,
	market TEXT AS (doc ->> '$.market') STORED,
	state  TEXT AS (coalesce(doc ->> '$.state', 'pending')) STORED,
	hash   TEXT AS (doc ->> '$.hash') STORED,
	key    TEXT AS (doc ->> '$.order') STORED, -- of the order
	doc    TEXT NOT NULL
);
CREATE INDEX signed_orders_pending ON signed_orders (chain, market, state, id);
CREATE INDEX signed_orders_hash ON signed_orders (hash) WHERE hash IS NOT NULL;
CREATE INDEX signed_orders_key ON signed_orders (key) WHERE key IS NOT NULL;
`

// currencies was added in version 3.
const currencies = `
CREATE TABLE currencies (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
`

// metadata was added in version 4.
const metadata = `
CREATE TABLE metadata (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
`

// audits was added in version 5.
const audits = `
CREATE TABLE audits (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
`

// requests was added in version 4.
const requests = `
CREATE TABLE requests (
	id    TEXT PRIMARY KEY,
	state TEXT AS (doc ->> '$.state') STORED,
	doc   TEXT NOT NULL
);
CREATE INDEX requests_state ON requests (state, id);
`

// hooks were added in version 5.
const hooks = `
CREATE TABLE hooks (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
CREATE TABLE dead_hooks (
	id  TEXT PRIMARY KEY,
	doc TEXT NOT NULL
);
`

// errForeign means that the file is another program's database.
var errForeign = errors.New("it is another program's")

// errOlder means that an older version of the program wrote the file.
var errOlder = errors.New("it was written by an older version of this program: run the worker once with this version, which brings it up to date")

// errNewer means that a newer version of the program wrote the file.
var errNewer = errors.New("it was written by a newer version of this program: use that one")

// create creates the schema in an empty file. That it is one of this program, with checksums,
// is in the file itself as of then, rather than in the WAL.
func create(conn *sqlite.Conn) error {
	for _, pragma := range []string{fmt.Sprintf("PRAGMA page_size = %d", pages.Size), "PRAGMA " + pages.Pragma} {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return err
		}
	}
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
	return sqlitex.ExecuteScript(conn, mark+schema+listIndexes+changesSchema(), nil) // in one transaction
}

// upgrade upgrades a database of an earlier version.
func upgrade(conn *sqlite.Conn, version int64) error {
	added := audits + hooks + addListColumns + listIndexes + changesSchema()
	if version < 4 {
		added = requests + metadata + added
	}
	if version < 3 {
		added = signedOrders + currencies + added
	}
	if version < 2 {
		added = notifications + added
	}
	if err := defineCollectionHash(conn); err != nil {
		return err
	}
	return sqlitex.ExecuteScript(conn, fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion)+added, nil)
}

// inspect returns the version of a database, 0 if it is empty, and an error if the
// database cannot be used.
func inspect(conn *sqlite.Conn) (version int64, err error) {
	tables, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil || tables == 0 {
		return 0, err
	}
	application, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return 0, err
	}
	version, err = number(conn, "PRAGMA user_version")
	switch {
	case err != nil:
		return 0, err
	case application != applicationID:
		return 0, errForeign
	case version > schemaVersion:
		return 0, errNewer
	}
	return version, nil
}
