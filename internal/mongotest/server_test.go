//go:build unix

package mongotest

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/internal/thorough"
)

// One server goes through all that can be done to a server: starting one takes
// seconds.
func TestServer(t *testing.T) {
	thorough.Only(t)
	var m *mongod
	t.Run("life", func(t *testing.T) {
		s := Start(t)
		m = s.mongod
		insert := func() error { // without waiting for a primary
			_, err := connect(t, "mongodb://"+s.Address()+"/?directConnection=true").Database("test").Collection("docs").InsertOne(t.Context(), bson.D{})
			return err
		}
		if err := insert(); err != nil {
			t.Fatal(err)
		}
		client := connect(t, s.URI())
		docs := client.Database("test").Collection("docs")

		pid := m.process.Process.Pid
		s.Kill()
		assertFree(t, s.Address())
		s.Restart()
		if m.process.Process.Pid == pid {
			t.Error("it is the same process")
		}
		if err := insert(); err != nil {
			t.Error(err)
		}
		if n, err := docs.CountDocuments(t.Context(), bson.D{}); n != 2 || err != nil {
			t.Errorf("%d documents after 2 insertions and a crash, %v", n, err)
		}

		s.Pause()
		if err := ping(t, client, soon); !mongo.IsTimeout(err) {
			t.Errorf("a paused server answers: %v", err)
		}
		s.Resume()
		if err := ping(t, client, patience); err != nil {
			t.Error(err)
		}

		before := term(t, client)
		s.StepDown(t.Context(), 1)
		if _, err := docs.InsertOne(t.Context(), bson.D{}); err != nil { // it waits for a primary
			t.Error(err)
		}
		if after := term(t, client); after == before {
			t.Errorf("the server was primary all the time, in term %d", after)
		}

		s.Pause()
		s.Pause() // once more changes nothing, and it is stopped all the same
	})
	if m != nil {
		assertGone(t, m)
	}
}

// term counts how often the replica set has elected a primary.
func term(t *testing.T, client *mongo.Client) int64 {
	t.Helper()
	var status struct{ Term int64 }
	if err := client.Database("admin").RunCommand(t.Context(), bson.D{{Key: "replSetGetStatus", Value: 1}}).Decode(&status); err != nil {
		t.Fatal(err)
	}
	return status.Term
}

// A server that finds its port taken tries another one.
func TestPortTaken(t *testing.T) {
	binary, folder := binary(t), t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	ports := []int{taken.Addr().(*net.TCPAddr).Port}
	m, err := startMongod(t.Context(), binary, folder, func() (int, error) {
		if len(ports) == 0 {
			return freePort()
		}
		port := ports[0]
		ports = nil
		return port, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.process.Kill()
	if m.port == taken.Addr().(*net.TCPAddr).Port {
		t.Errorf("it is on port %d, which is taken", m.port)
	}
}

// Whoever else answers on the port is not taken for the server.
func TestPortOfAnotherServer(t *testing.T) {
	binary, folder := binary(t), t.TempDir()
	uri := URI(t)
	if !strings.HasPrefix(uri, "mongodb://127.0.0.1:") || shared.mongod == nil {
		t.Skip("the shared server is elsewhere")
	}
	m := &mongod{binary: binary, folder: folder, port: shared.mongod.port}
	if err := m.launch(t.Context()); !errors.Is(err, errPortTaken) {
		t.Errorf("started: %v", err)
	}
}

// What keeps a server from starting is said.
func TestServerThatDoesNotStart(t *testing.T) {
	binary, err := exec.LookPath("false")
	if err != nil {
		t.Skip(err)
	}
	_, err = startMongod(t.Context(), binary, t.TempDir(), freePort)
	if err == nil || !strings.Contains(err.Error(), "it ended: exit status 1") {
		t.Error(err)
	}
}

func binary(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("mongod")
	if err != nil {
		URI(t)
		t.Skip("no mongod on PATH")
	}
	return binary
}

// The server that tests share is stopped with them.
func TestSharedServerIsStopped(t *testing.T) {
	s := new(sharedServer)
	if _, err := s.uri(binary(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	assertGone(t, s.mongod)
}
