package mongotest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Database is the URI of a new database, otherwise as URI. The database is dropped
// at the end of the test.
func Database(t testing.TB) string {
	t.Helper()
	uri, err := WithDatabase(URI(t), "test_"+strings.ToLower(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(uri); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return uri
}

func drop(uri string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	return errors.Join(client.Database(Name(uri)).Drop(ctx), client.Disconnect(ctx))
}

// Name is the database that a MongoDB URI names, empty if it names none.
func Name(uri string) string {
	_, name, _ := split(uri)
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

// WithDatabase is a MongoDB URI with another database. The login stays the same:
// where it was checked against the old database, it still is.
func WithDatabase(uri, name string) (string, error) {
	opts := options.Client().ApplyURI(uri)
	if err := opts.Validate(); err != nil {
		return "", err
	}
	servers, _, query := split(uri)
	if opts.Auth != nil && !strings.Contains(strings.ToLower(query), "authsource=") {
		query = strings.TrimPrefix(query+"&authSource="+url.QueryEscape(opts.Auth.AuthSource), "&")
	}
	if query != "" {
		query = "?" + query
	}
	return servers + "/" + url.PathEscape(name) + query, nil
}

// split takes a URI apart by hand: with several hosts it is none to package url.
// Before the database every / and ? is escaped
// (https://www.mongodb.com/docs/manual/reference/connection-string/).
func split(uri string) (servers, name, query string) {
	uri, query, _ = strings.Cut(uri, "?")
	scheme, rest, _ := strings.Cut(uri, "://")
	hosts, name, _ := strings.Cut(rest, "/")
	return scheme + "://" + hosts, name, query
}
