package feed_test

import (
	"testing"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
)

// dropOrders drops a collection without the store, which ends its change stream.
func dropOrders(t *testing.T, uri string) {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	if err := client.Database(mongotest.Name(uri)).Collection(persistence.Orders).Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
