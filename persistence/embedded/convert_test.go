package embedded

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded/internal/disk"
)

// earlier writes a database of version 4, which has no checksums, to a disk, and returns
// its currencies.
func earlier(t *testing.T, dir string) (docs []string) {
	t.Helper()
	conn, err := openConn(filepath.Join(dir, fileName), disk.Name, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	script := schema + listIndexes + changesSchema() + lostIn(4) + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 4;", applicationID)
	for n := range 100 {
		doc := fmt.Sprintf(`{"_id":"%d","chain":"c","address":"%s"}`, n, strings.Repeat("x", 500+n*10))
		docs = append(docs, doc)
		script += fmt.Sprintf("INSERT INTO currencies (id, doc) VALUES ('%d', '%s');", n, doc)
	}
	err = sqlitex.ExecuteTransient(conn, "PRAGMA page_size = 8192", nil)
	if err == nil {
		err = sqlitex.ExecuteScript(conn, script, nil)
	}
	if err == nil {
		err = sqlitex.ExecuteTransient(conn, "PRAGMA journal_mode = WAL", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// Checksums are added to a database of an earlier version at its upgrade, which a crash or
// a power cut may interrupt anywhere.
func TestInterruptedConversion(t *testing.T) {
	thorough.Only(t)
	if err := registerFaulty(); err != nil {
		t.Fatal(err)
	}
	for _, fill := range []func(*testing.T, string) []string{earlier, nothingBefore} {
		interrupted := true
		for after := 1; interrupted; after += 8 {
			for _, by := range []string{killed, powerCut, failed} {
				interrupted = interruptConversion(t, fill, after, by)
			}
		}
	}
}

// nothingBefore leaves the disk empty: a new database has checksums from its creation.
func nothingBefore(*testing.T, string) []string { return nil }

// interruptConversion makes the disk fail after some writes and syncs, once or until the
// process has ended; false if there were fewer.
func interruptConversion(t *testing.T, fill func(*testing.T, string) []string, after int, by string) (interrupted bool) {
	t.Helper()
	dir := t.TempDir()
	d := disk.New(dir, uint64(after))
	defer d.Remove()
	want := fill(t, dir)
	left := after
	d.SetFault(func(string, bool) disk.Fault {
		left--
		switch {
		case left >= 0, left < -1 && by == failed:
			return disk.None
		case by == failed:
			return disk.Full
		}
		return disk.Error
	})
	store, err := openVia(t.Context(), dir, faultyLayer)
	d.SetFault(nil)
	if by != failed {
		d.Stop()
	}
	if err == nil {
		_ = store.Close()
	}
	if by == powerCut {
		d.LosePower()
	}
	d.Start()
	if store, err = openVia(t.Context(), dir, faultyLayer); err != nil {
		t.Fatalf("after %d writes, by %s: %v", after, by, err)
	}
	defer store.Close()
	var docs []string
	for doc, err := range store.Query(t.Context(), persistence.Query{Collection: persistence.Currencies}) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(doc))
	}
	if slices.Sort(docs); !slices.Equal(docs, slices.Sorted(slices.Values(want))) {
		t.Fatalf("after %d writes, by %s: %d other documents", after, by, len(docs))
	}
	conn := <-store.writer
	has, err := hasChecksums(conn)
	if store.writer <- conn; err != nil || !has {
		t.Errorf("after %d writes: checksums %v, %v", after, has, err)
	}
	return left < 0
}
