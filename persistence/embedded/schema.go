package embedded

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// applicationID marks our databases: "IMEW" in the header of the file.
const applicationID = 0x494d4557

// schemaVersion is the version of schema, kept in the file as user_version.
const schemaVersion = 1

// schema keeps every document as JSON text in doc, for anybody to read. The other
// columns are only what the program searches by, kept short since each index
// entry is written in some random place: names is what stands for streams and
// markets, and key and maker are hashes (hash.go), the same for different values
// once in a long while. What only people search by has no index.
const schema = `
CREATE TABLE names (
	id     INTEGER PRIMARY KEY,
	chain  TEXT NOT NULL,
	market TEXT NOT NULL,
	stream TEXT NOT NULL, -- empty: the market itself
	UNIQUE (chain, market, stream)
);
CREATE TABLE activities (
	id     INTEGER PRIMARY KEY,
	key    INTEGER NOT NULL, -- of market and Event.Key
	stream INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	bulk   INTEGER,          -- the market, if this is a bulk cancel
	doc    TEXT NOT NULL
);
CREATE INDEX activities_key ON activities (key);
CREATE INDEX activities_seq ON activities (stream, seq);
CREATE INDEX activities_bulk ON activities (bulk) WHERE bulk IS NOT NULL;
CREATE TABLE orders (
	id    INTEGER PRIMARY KEY,
	key   INTEGER NOT NULL, -- of market and key
	maker INTEGER NOT NULL, -- of market and maker
	doc   TEXT NOT NULL
);
CREATE INDEX orders_key ON orders (key);
CREATE INDEX orders_maker ON orders (maker, key);
CREATE TABLE records (
	id     INTEGER PRIMARY KEY,
	market INTEGER NOT NULL,
	key    TEXT NOT NULL,
	doc    TEXT NOT NULL,
	UNIQUE (market, key)
);
CREATE TABLE dead_letters (
	id     INTEGER PRIMARY KEY,
	letter TEXT NOT NULL UNIQUE,
	stream INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	doc    TEXT NOT NULL
);
CREATE INDEX dead_letters_seq ON dead_letters (stream, seq);
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

// errForeign says that the file is something else than a database of ours.
var errForeign = errors.New("it is another program's")

// errNewer says that the file was written by a later version of the program.
var errNewer = errors.New("it was written by a newer version of this program: use that one")

// create makes the schema in an empty file.
func create(conn *sqlite.Conn) error {
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
	return sqlitex.ExecuteScript(conn, mark+schema, nil) // in one transaction
}

// check says what is wrong with a file's schema.
func check(conn *sqlite.Conn) error {
	application, err := number(conn, "PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := number(conn, "PRAGMA user_version")
	switch {
	case err != nil:
		return err
	case application != applicationID:
		return errForeign
	case version > schemaVersion:
		return errNewer
	}
	return nil
}

func empty(conn *sqlite.Conn) (bool, error) {
	n, err := number(conn, "SELECT count(*) FROM sqlite_schema")
	return n == 0, err
}
