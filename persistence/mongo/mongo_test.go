package mongo_test

import (
	"os"
	"testing"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/persistence/storetest"
)

func TestMain(m *testing.M) {
	thorough.Checks(20) // a commit takes a hundred times as long as on the embedded store
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
