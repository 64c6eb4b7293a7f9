package mongo_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence/mongo"
)

const initiateWait = time.Minute

// A server that was never initiated becomes a replica set that can be opened; a second
// call changes nothing.
func TestInitiate(t *testing.T) {
	t.Parallel()
	address := mongotest.Unfit(t, "--replSet", "rs7")
	uri := "mongodb://" + address + "/?replicaSet=rs7"
	want := mongo.ReplicaSet{Name: "rs7", Members: []string{address}, New: true}
	for _, uri := range []string{uri, uri, "mongodb://" + address} {
		got, err := mongo.Initiate(t.Context(), uri, nil, initiateWait)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		if err := openAt(t, uri).Close(); err != nil {
			t.Error(err)
		}
		want.New = false
	}
	if _, err := mongo.Initiate(t.Context(), "mongodb://"+address+"/?replicaSet=rs0&serverSelectionTimeoutMS=300", nil, initiateWait); err == nil || !strings.Contains(err.Error(), "its replica set is called rs7, not rs0 as MONGODB_URI says") {
		t.Errorf("as a set of another name: %v", err)
	}
}

// Servers that are named together become members of one set.
func TestInitiateSeveral(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	addresses := []string{mongotest.Unfit(t, "--replSet", "rs0"), mongotest.Unfit(t, "--replSet", "rs0")}
	uri := "mongodb://" + strings.Join(addresses, ",")
	for _, isNew := range []bool{true, false} {
		got, err := mongo.Initiate(t.Context(), uri, nil, initiateWait)
		if err != nil || got.New != isNew || !slices.Equal(got.Members, addresses) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// Members have the given addresses, and Initiate waits for a member that cannot be
// reached yet.
func TestInitiateWaits(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	first, second := mongotest.Unfit(t, "--replSet", "rs0"), mongotest.NewProxy(t, mongotest.Unfit(t, "--replSet", "rs0"))
	asked := second.HoleBefore("replSetHeartbeat")
	done := make(chan error, 1)
	go func() {
		_, err := mongo.Initiate(t.Context(), "mongodb://"+first, []string{first, second.Addr()}, initiateWait)
		done <- err
	}()
	select {
	case <-asked:
		second.Cut()
	case err := <-done:
		t.Fatalf("the second member was not asked: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A server that cannot be initiated is refused with a remedy, and without the password.
func TestInitiateRefused(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	standalone := mongotest.Unfit(t)
	uninitiated := mongotest.Unfit(t, "--replSet", "rs7")
	waiting := mongotest.Unfit(t, "--replSet", "rs7")
	for _, test := range []struct {
		name, uri, want string
		members         []string
		wait            time.Duration
	}{
		{name: "no replica set", uri: "mongodb://" + standalone, want: "it is not a replica set, which transactions need: start mongod with --replSet"},
		{name: "started for another set", uri: "mongodb://" + uninitiated + "/?replicaSet=rs1", want: "it refuses to be replica set rs1 of " + uninitiated + ": correct --replSet of mongod, MONGODB_URI or --host"},
		{name: "started for another set than is usual", uri: "mongodb://" + uninitiated, want: "it refuses to be replica set rs0"},
		{name: "an unused address", uri: "mongodb://" + waiting + "/?replicaSet=rs7", members: []string{"127.0.0.1:1"}, want: "it refuses to be replica set rs7 of 127.0.0.1:1"},
		{name: "a member that does not answer", uri: fmt.Sprintf("mongodb://%s,127.0.0.1:1/?replicaSet=rs7", waiting), want: "waited 500ms: MongoDB", wait: 500 * time.Millisecond},
		{name: "login refused", uri: "mongodb://somebody:s3cret@" + uninitiated + "/?replicaSet=rs7", want: "the login was refused: check user name, password and authSource in MONGODB_URI"},
		{name: "no server", uri: "mongodb://somebody:s3cret@127.0.0.1:1", want: "waited 3s: MongoDB, database event_worker on 127.0.0.1:1: no primary answers, 127.0.0.1:1: ", wait: 3 * time.Second},
		{name: "no MongoDB URI", uri: "http://somebody:s3cret@127.0.0.1:1/", want: "it does not start with mongodb:// or mongodb+srv://"},
		{name: "a service", uri: "mongodb+srv://somebody:s3cret@nobody.invalid/", want: "write mongodb:// and the hosts"},
	} {
		t.Run(test.name, func(t *testing.T) { // one by one: a server answers one replSetInitiate at a time
			if test.wait == 0 {
				test.wait = initiateWait
			}
			_, err := mongo.Initiate(t.Context(), test.uri, test.members, test.wait)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
