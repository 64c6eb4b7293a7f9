package mongo_test

import (
	"flag"
	"os"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
)

func TestMain(m *testing.M) {
	// A commit takes a hundred times as long as on the embedded store. The command line
	// is parsed later, and takes precedence.
	_ = flag.Set("rapid.checks", "20")
	os.Exit(mongotest.Main(m))
}

func open(t testing.TB) persistence.Store {
	t.Helper()
	store, err := mongo.Open(t.Context(), mongotest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some tests close it themselves
	return store
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func TestRegistry(t *testing.T) {
	t.Parallel()
	storetest.RunRegistry(t, openAt(t, mongotest.Database(t)))
}
