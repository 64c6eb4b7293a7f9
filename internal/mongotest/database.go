package mongotest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
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

// EmptyDatabase is Database for tests that need many databases with the same collections: the
// database holds no documents, but it may have the collections and indexes that an earlier test of
// the same binary has created. Creating them takes longer than most tests.
func EmptyDatabase(t testing.TB) string {
	t.Helper()
	server := URI(t)
	uri := shared.takeEmptied()
	if uri == "" {
		var err error
		if uri, err = WithDatabase(server, "test_"+strings.ToLower(rand.Text())); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() { // perhaps something still writes to it
			if err := drop(uri); err != nil {
				t.Errorf("drop the test's database: %v", err)
			}
			return
		}
		if err := empty(uri); err != nil {
			t.Errorf("empty the test's database: %v", err)
		}
		shared.giveEmptied(uri)
	})
	return uri
}

// takeEmptied returns an emptied database that no test uses, "" if there is none.
func (s *sharedServer) takeEmptied() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.emptied) - 1
	if last < 0 {
		return ""
	}
	uri := s.emptied[last]
	s.emptied = s.emptied[:last]
	return uri
}

func (s *sharedServer) giveEmptied(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptied = append(s.emptied, uri)
}

// dropEmptied drops the emptied databases.
func (s *sharedServer) dropEmptied() (err error) {
	for uri := s.takeEmptied(); uri != ""; uri = s.takeEmptied() {
		err = errors.Join(err, drop(uri))
	}
	return err
}

func drop(uri string) error {
	return withDatabase(uri, func(ctx context.Context, db *mongo.Database) error { return db.Drop(ctx) })
}

// empty deletes all documents of a database.
func empty(uri string) error {
	return withDatabase(uri, func(ctx context.Context, db *mongo.Database) error {
		names, err := db.ListCollectionNames(ctx, bson.D{})
		for _, name := range names {
			_, failed := db.Collection(name).DeleteMany(ctx, bson.D{})
			err = errors.Join(err, failed)
		}
		return err
	})
}

func withDatabase(uri string, do func(context.Context, *mongo.Database) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return err
	}
	return errors.Join(do(ctx, client.Database(Name(uri))), client.Disconnect(ctx))
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
