// Package teststore opens new, empty stores for tests, which close when the test ends.
// Stores on MongoDB need mongotest.Main in the package's TestMain.
package teststore

import (
	"net/url"
	"path/filepath"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

// Each runs a test on a store of each kind.
func Each(t *testing.T, test func(t *testing.T, store persistence.Store)) {
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("mongodb", func(t *testing.T) { test(t, MongoDB(t)) })
}

// Embedded opens a store in a data folder.
func Embedded(t testing.TB) *embedded.Store {
	t.Helper()
	store, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // the test may have closed it
	return store
}

// MongoDB opens a store in a database. Without a MongoDB the test is skipped.
func MongoDB(t testing.TB) *mongo.Store {
	t.Helper()
	store, err := mongo.Open(t.Context(), mongotest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// Execute executes SQL on the database of a data folder, with valid checksums: the
// documents are wrong, the file is not.
func Execute(t testing.TB, dir, script string) {
	t.Helper()
	r, err := embedded.OpenReader(dir) // registers the VFS
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path, err := filepath.Abs(filepath.Join(dir, "event-worker.db"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.OpenConn("file:"+(&url.URL{Path: path}).EscapedPath()+"?vfs=event-worker", sqlite.OpenReadWrite, sqlite.OpenURI)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteScript(conn, script, nil); err != nil {
		t.Fatal(err)
	}
}
