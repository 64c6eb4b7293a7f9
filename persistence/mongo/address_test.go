package mongo_test

import (
	"testing"

	"github.com/imart/event-worker/persistence/mongo"
)

// An address shows the hosts as in the URI, and contains the address of the first.
func TestAddressOf(t *testing.T) {
	for _, test := range []struct{ uri, shows, server string }{
		{"mongodb://db", "database event_worker on db", "db:27017"},
		{"mongodb://user:s3cret@db1:1,db2:2/nft?replicaSet=rs0", "database nft on db1:1, db2:2", "db1:1"},
		{"mongodb://[::1]/nft", "database nft on [::1]", "[::1]:27017"},
		{"mongodb://[::1]:5", "database event_worker on [::1]:5", "[::1]:5"},
	} {
		a, err := mongo.AddressOf(test.uri)
		if err != nil || a.String() != test.shows || a.Server != test.server {
			t.Errorf("%s: %s, server %s, %v", test.uri, a, a.Server, err)
		}
	}
}
