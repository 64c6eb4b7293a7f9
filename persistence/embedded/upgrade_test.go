package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// A file of an earlier version lacks tables: a reader refuses it with a remedy, and a writer
// upgrades it without loss.
func TestUpgrade(t *testing.T) {
	for version := 1; version < schemaVersion; version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) { upgradeFrom(t, version, lostIn(version)) })
	}
}

// lostIn drops what a version lacks.
func lostIn(version int) string {
	lost := "DROP TABLE audits; DROP TABLE hooks; DROP TABLE dead_hooks; DROP TABLE changes; DROP TABLE eras;"
	for _, table := range latestOnly {
		for _, on := range []string{"inserted", "updated", "deleted"} {
			lost += fmt.Sprintf("DROP TRIGGER %s_%s;", table, on)
		}
	}
	for table, column := range map[string]string{"activities": "time", "orders": "listed"} {
		lost += fmt.Sprintf("DROP INDEX %[1]s_%[2]s; ALTER TABLE %[1]s DROP COLUMN %[2]s;", table, column)
	}
	lost += "DROP INDEX orders_book; ALTER TABLE orders DROP COLUMN collection; ALTER TABLE orders DROP COLUMN book;"
	if version < 4 {
		lost += "DROP TABLE requests; DROP TABLE metadata;"
	}
	if version < 3 {
		lost += "DROP TABLE signed_orders; DROP TABLE currencies;"
	}
	if version < 2 {
		lost += "DROP TABLE notifications;"
	}
	return lost
}

// upgradeFrom upgrades a file of a version, which lacks what lost drops.
func upgradeFrom(t *testing.T, version int, lost string) {
	dir := t.TempDir()
	store, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.TakeOver(t.Context(), "ethereum", "me"); err != nil {
		t.Fatal(err)
	}
	listedAt, event := time.Unix(1_600_000_000, 500_000_000), markets.Event{Kind: markets.Transferred, Stream: "list", Transaction: "0x", Time: time.Unix(1_600_000_000, 0), Token: markets.Token{Collection: "0xC"}}
	err = store.Commit(t.Context(), persistence.MarketRef{Chain: "ethereum", Market: "m"}, nil, func(tx persistence.Tx) error {
		if err := tx.Append([]markets.Activity{{Chain: "ethereum", Market: "m", Event: event}}, nil); err != nil {
			return err
		}
		return tx.PutOrders([]markets.Order{
			{Chain: "ethereum", Market: "m", Key: "a", Token: event.Token, ListedAt: &listedAt, Side: markets.Ask, Status: markets.Listing, UnitPrice: "20"}, {Chain: "ethereum", Market: "m", Key: "b"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, dir, fmt.Sprintf("%s PRAGMA user_version = %d;", lost, version))
	removeChecksums(t, dir)

	if _, err := OpenReader(dir); err == nil || !strings.Contains(err.Error(), "run the worker once") {
		t.Errorf("reading it: %v", err)
	}
	store, err = Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for list, want := range map[persistence.SortKey]string{{Path: "listedAt"}: "b a", {Path: "listedAt", Descending: true}: "a b"} {
		docs, err := persistence.Collect[markets.Order](t.Context(), store, persistence.Query{Collection: persistence.Orders, Sort: []persistence.SortKey{list}})
		if err != nil || len(docs) != 2 || docs[0].Key+" "+docs[1].Key != want {
			t.Errorf("orders by %v: %v, %v", list, docs, err)
		}
	}
	for collection, filter := range map[string]persistence.Condition{
		persistence.Orders:     persistence.And{persistence.Is("token.collection", "0xC"), persistence.Is("listedAt", listedAt)},
		persistence.Activities: persistence.And{persistence.Is("token.collection", "0xC"), persistence.Is("time", event.Time)},
	} {
		docs, err := persistence.Collect[any](t.Context(), store, persistence.Query{Collection: collection, Filter: persistence.Filter{Condition: filter}})
		if err != nil || len(docs) != 1 {
			t.Errorf("%s of the collection: %v, %v", collection, docs, err)
		}
	}
	asks := persistence.And{persistence.Is("token.collection", "0xC"), persistence.Is("side", "ask"), persistence.Is("status", "LISTING"), persistence.Is("unitPrice", markets.Amount("20"))}
	docs, err := persistence.Collect[any](t.Context(), store, persistence.Query{Collection: persistence.Orders, Filter: persistence.Filter{Condition: asks}})
	if err != nil || len(docs) != 1 {
		t.Errorf("asks of the collection at a price: %v, %v", docs, err)
	}
	for collection, want := range map[string]int{persistence.Notifications: 0, persistence.SignedOrders: 0, persistence.Currencies: 0, persistence.Requests: 0, persistence.MetadataDocs: 0, persistence.Audits: 0, persistence.Hooks: 0, persistence.DeadHooks: 0, persistence.Leases: 1} {
		n := 0
		for _, err := range store.Query(t.Context(), persistence.Query{Collection: collection}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("%d %s, want %d", n, collection, want)
		}
	}
}

// removeChecksums replaces a database by a copy without checksums, as earlier versions
// wrote it.
func removeChecksums(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, fileName)
	if err := os.Rename(path, path+".new"); err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	script := "PRAGMA application_id = " + fmt.Sprint(applicationID) + ";"
	attach := &sqlitex.ExecOptions{Args: []any{path + ".new"}}
	if err := sqlitex.ExecuteTransient(conn, "ATTACH ? AS new", attach); err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteScript(conn, "PRAGMA main.page_size = 8192", nil); err != nil {
		t.Fatal(err)
	}
	version, err := number(conn, "PRAGMA new.user_version")
	if err != nil {
		t.Fatal(err)
	}
	script += fmt.Sprintf("PRAGMA user_version = %d;", version)
	err = each(conn, "SELECT type, name, sql FROM new.sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'trigger', type = 'index'", nothing, func(row *sqlite.Stmt) error {
		script += row.ColumnText(2) + ";"
		if row.ColumnText(0) == "table" {
			var columns []string
			err := once(conn, "SELECT name FROM pragma_table_xinfo('"+row.ColumnText(1)+"', 'new') WHERE hidden = 0", nothing, func(column *sqlite.Stmt) error {
				columns = append(columns, column.ColumnText(0))
				return nil
			})
			list := strings.Join(columns, ", ")
			script += fmt.Sprintf("INSERT INTO main.%[1]s (%[2]s) SELECT %[2]s FROM new.%[1]s;", row.ColumnText(1), list)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"DETACH new", "PRAGMA journal_mode = WAL"} {
		if err := sqlitex.ExecuteTransient(conn, statement, nil); err != nil {
			t.Fatal(err)
		}
	}
}
