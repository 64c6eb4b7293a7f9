package mongotest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/required"
)

// soon is enough for a server that answers, and how long a test waits for one
// that does not.
const soon = 300 * time.Millisecond

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func connect(t testing.TB, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		_ = client.Disconnect(ctx) // the server may be gone
	})
	return client
}

// ping asks a server for an answer within a time.
func ping(t testing.TB, client *mongo.Client, within time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return client.Database("admin").RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err()
}

// The shared server is a replica set: it has transactions.
func TestURILeadsToReplicaSet(t *testing.T) {
	uri := Database(t)
	client := connect(t, uri)
	session, err := client.StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	docs := client.Database(Name(uri)).Collection("docs")
	_, err = session.WithTransaction(t.Context(), func(ctx context.Context) (any, error) {
		return docs.InsertMany(ctx, []any{bson.D{{Key: "n", Value: 1}}, bson.D{{Key: "n", Value: 2}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := docs.CountDocuments(t.Context(), bson.D{}); n != 2 || err != nil {
		t.Errorf("%d documents, %v", n, err)
	}
}

func TestURIIsShared(t *testing.T) {
	if first, second := URI(t), URI(t); first != second {
		t.Errorf("%s, then %s", first, second)
	}
}

func TestURIFromEnvironment(t *testing.T) {
	t.Setenv(Variable, "mongodb://elsewhere/?replicaSet=rs1")
	t.Setenv("PATH", "")
	if got := URI(t); got != "mongodb://elsewhere/?replicaSet=rs1" {
		t.Error(got)
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var names []string
	for range 2 {
		t.Run("of a test", func(t *testing.T) {
			uri := Database(t)
			names = append(names, Name(uri))
			if _, err := connect(t, uri).Database(Name(uri)).Collection("docs").InsertOne(t.Context(), bson.D{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if len(names) != 2 {
		t.Skip("there is no server")
	}
	if names[0] == names[1] {
		t.Errorf("two tests have the database %s", names[0])
	}
	left, err := connect(t, URI(t)).ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: bson.D{{Key: "$in", Value: names}}}})
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A test's database goes to the next test, without documents. Tests at the same time have
// different ones, and in the end all are dropped.
func TestEmptyDatabaseIsUsedAgain(t *testing.T) {
	URI(t)
	var names []string
	use := func(t *testing.T) {
		uri := EmptyDatabase(t)
		docs := connect(t, uri).Database(Name(uri)).Collection("docs")
		if n, err := docs.CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
			t.Errorf("%d documents, %v", n, err)
		}
		if _, err := docs.InsertOne(t.Context(), bson.D{}); err != nil {
			t.Fatal(err)
		}
		names = append(names, Name(uri))
	}
	t.Run("first", use)
	t.Run("second", use)
	t.Run("both", func(t *testing.T) {
		use(t)
		use(t)
	})
	if len(names) != 4 || names[1] != names[0] || names[2] != names[0] || names[3] == names[0] {
		t.Errorf("used: %v", names)
	}
	if err := shared.dropEmptied(); err != nil {
		t.Fatal(err)
	}
	left, err := connect(t, URI(t)).ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: bson.D{{Key: "$in", Value: names}}}})
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWithDatabase(t *testing.T) {
	for _, test := range []struct{ uri, was, want string }{
		{"mongodb://one:27017", "", "mongodb://one:27017/new"},
		{"mongodb://one:27017/", "", "mongodb://one:27017/new"},
		{"mongodb://one:27017/old", "old", "mongodb://one:27017/new"},
		{"mongodb://one/o%6Cd?tls=true", "old", "mongodb://one/new?tls=true"},
		{"mongodb://one,two:2/?replicaSet=rs0", "", "mongodb://one,two:2/new?replicaSet=rs0"},
		{"mongodb://one/?appName=a/b", "", "mongodb://one/new?appName=a/b"},
		{"mongodb://me:p%2F%3Fw@one", "", "mongodb://me:p%2F%3Fw@one/new?authSource=admin"},
		{"mongodb://me:pw@one/old", "old", "mongodb://me:pw@one/new?authSource=old"},
		{"mongodb://me:pw@one/old?authSource=users", "old", "mongodb://me:pw@one/new?authSource=users"},
		{"mongodb://me:pw@one/old?w=1&authMechanism=PLAIN", "old", "mongodb://me:pw@one/new?w=1&authMechanism=PLAIN&authSource=old"},
		{"mongodb://one/old?authMechanism=MONGODB-X509&tls=true", "old", "mongodb://one/new?authMechanism=MONGODB-X509&tls=true&authSource=%24external"},
	} {
		if was := Name(test.uri); was != test.was {
			t.Errorf("the database of %s is %q", test.uri, was)
		}
		got, err := WithDatabase(test.uri, "new")
		if err != nil || got != test.want {
			t.Errorf("%s: %s, %v", test.uri, got, err)
		}
		if err := options.Client().ApplyURI(got).Validate(); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestWithDatabaseRefusesOtherURIs(t *testing.T) {
	if got, err := WithDatabase("http://one/old", "new"); err == nil {
		t.Error(got)
	}
}

// Without a server tests say so and how to have one, in the way that they are
// told to.
func TestWithoutServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(Variable, "")
	for _, test := range []struct {
		name, list string
		ask        func(testing.TB)
		says       string
	}{
		{"skip", "", func(t testing.TB) { Database(t) }, "skip: mongodb was not tested: put mongod"},
		{"fail", "mongodb", func(t testing.TB) { Database(t) }, "fatal: mongodb was not tested, and"},
		{"skip faults", "", func(t testing.TB) { Start(t) }, "skip: mongodb was not tested: faults need"},
		{"fail faults", "mongodb", func(t testing.TB) { Start(t) }, "fatal: mongodb was not tested, and"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(required.Variable, test.list)
			if got := outcome(test.ask); !strings.HasPrefix(got, test.says) || !strings.Contains(got, "on PATH") {
				t.Error(got)
			}
		})
	}
}

func TestURINeedsMain(t *testing.T) {
	defer func(was *sharedServer) { shared = was }(shared)
	shared = nil
	if got := outcome(func(t testing.TB) { URI(t) }); got != "fatal: nothing would stop the server: call mongotest.Main in TestMain" {
		t.Error(got)
	}
}

// outcome says how a test that does something would end.
func outcome(do func(testing.TB)) string {
	r := new(recorder)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do(r)
	}()
	<-ended
	return r.said
}

// recorder stands in for a test and keeps how it ended.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(args ...any) { r.end("fatal: " + fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.end("fatal: " + fmt.Sprintf(format, args...))
}
func (r *recorder) Skipf(format string, args ...any) { r.end("skip: " + fmt.Sprintf(format, args...)) }

func (r *recorder) end(said string) {
	r.said = said
	runtime.Goexit()
}

// assertGone checks that a server has left neither process nor data behind.
func assertGone(t testing.TB, m *mongod) {
	t.Helper()
	select {
	case <-m.process.Gone:
	default:
		t.Errorf("process %d is there", m.process.Process.Pid)
	}
	assertFree(t, m.address())
	if left, _ := filepath.Glob(m.folder); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func assertFree(t testing.TB, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	_ = listener.Close()
}
