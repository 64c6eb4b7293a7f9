package mongotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/internal/child"
)

const (
	replicaSet = "rs0"
	// patience bounds how long a server may take to become primary. It takes about
	// two seconds; a busy machine takes longer.
	patience = time.Minute
	// attempts bounds how many ports are tried.
	attempts = 20
	// exitNetwork is how mongod ends when it cannot listen on its port
	// (https://www.mongodb.com/docs/manual/reference/exit-codes/).
	exitNetwork = 48
)

// errPortTaken says that a server found its port taken.
var errPortTaken = errors.New("the port is taken")

// mongod is a one-node replica set with its data in a folder.
type mongod struct {
	binary, folder string
	options        []string // beyond those that every server here has
	query          string   // of URIs, beyond the replica set: how to reach the server
	port           int
	process        *child.Process
}

// startMongod starts a new server on a port that choosePort gives and returns when
// it is primary.
func startMongod(ctx context.Context, binary, folder string, choosePort func() (int, error)) (*mongod, error) {
	return begin(ctx, &mongod{binary: binary, folder: folder}, choosePort)
}

// begin starts a new server as a replica set and returns when it is primary.
func begin(ctx context.Context, m *mongod, choosePort func() (int, error)) (*mongod, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m.options = append(m.options, "--replSet", replicaSet)
	if err := m.launchAnywhere(ctx, choosePort); err != nil {
		return nil, err
	}
	if err := m.found(ctx); err != nil {
		m.process.Kill()
		return nil, fmt.Errorf("begin replica set: %w", err)
	}
	return m, nil
}

// launchAnywhere tries another port when somebody else was quicker to take one.
func (m *mongod) launchAnywhere(ctx context.Context, choosePort func() (int, error)) (err error) {
	for range attempts {
		if m.port, err = choosePort(); err != nil {
			return err
		}
		if err = m.launch(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// found makes the server a replica set of its own.
func (m *mongod) found(ctx context.Context) error {
	return m.admin(ctx, func(admin *mongo.Database) error {
		member := bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: m.address()}}
		config := bson.D{{Key: "_id", Value: replicaSet}, {Key: "members", Value: bson.A{member}}}
		if err := admin.RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: config}}).Err(); err != nil {
			return err
		}
		return m.awaitPrimary(ctx, admin)
	})
}

// restart starts the server, which is down, again with its port and data and
// returns when it is primary.
func (m *mongod) restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := m.launch(ctx)
	for errors.Is(err, errPortTaken) && ctx.Err() == nil { // by a test that looks for a free one
		err = m.launch(ctx)
	}
	if err != nil {
		return err
	}
	return m.admin(ctx, func(admin *mongo.Database) error { return m.awaitPrimary(ctx, admin) })
}

// launch starts the process and returns when it answers.
func (m *mongod) launch(ctx context.Context) error {
	log, err := os.OpenFile(m.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	data := filepath.Join(m.folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	options := []string{
		"--dbpath", data, "--port", strconv.Itoa(m.port), "--bind_ip", "127.0.0.1", "--nounixsocket",
		"--wiredTigerCacheSizeGB", "0.25", "--quiet",
		"--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)", // else it begins with 300 MB
		"--setParameter", "diagnosticDataCollectionEnabled=false",
		"--setParameter", "ttlMonitorSleepSecs=1", // else documents outlive their time by a minute
	}
	cmd := exec.Command(m.binary, append(options, m.options...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if m.process, err = child.Start(cmd); err != nil {
		return fmt.Errorf("start mongod: %w", err)
	}
	if err := m.awaitAnswer(ctx); err != nil {
		m.process.Kill()
		return m.explain(err)
	}
	return nil
}

// awaitAnswer waits until a server answers on the port and makes sure that it is
// this one: another process may have taken the port.
func (m *mongod) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := m.process.Gone // the process may be another one before the goroutine ends
	go func() {
		select {
		case <-gone:
			cancel() // do not wait for an answer from somebody else
		case <-ctx.Done():
		}
	}()
	if err := poll(ctx, func() error { return dial(ctx, m.address()) }); err != nil {
		return err
	}
	return m.admin(ctx, func(admin *mongo.Database) error {
		return poll(ctx, func() error { return m.checkPID(ctx, admin) })
	})
}

func dial(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (m *mongod) checkPID(ctx context.Context, admin *mongo.Database) error {
	var status struct{ PID int }
	if err := admin.RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status); err != nil {
		return err
	}
	if want := m.process.Process.Pid; status.PID != want {
		return fmt.Errorf("process %d answers on the port of process %d", status.PID, want)
	}
	return nil
}

// awaitPrimary waits until the server takes writes.
func (m *mongod) awaitPrimary(ctx context.Context, admin *mongo.Database) error {
	return poll(ctx, func() error {
		var hello struct{ IsWritablePrimary bool }
		if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
			return err
		}
		if !hello.IsWritablePrimary {
			return errors.New("the server is not primary")
		}
		return nil
	})
}

// stepDown makes the server give up being primary for some seconds.
func (m *mongod) stepDown(ctx context.Context, seconds int) error {
	return m.admin(ctx, func(admin *mongo.Database) error {
		command := bson.D{{Key: "replSetStepDown", Value: seconds}, {Key: "secondaryCatchUpPeriodSecs", Value: 0}, {Key: "force", Value: true}}
		err := admin.RunCommand(ctx, command).Err()
		for begun := time.Now(); isBusy(err) && time.Since(begun) < patience; {
			err = admin.RunCommand(ctx, command).Err()
		}
		return err
	})
}

// isBusy says whether a server has not stepped down because its operations took too long
// to yield.
func isBusy(err error) bool {
	const lockTimeout, exceededTimeLimit = 24, 262
	var answer mongo.ServerError
	return errors.As(err, &answer) && (answer.HasErrorCode(lockTimeout) || answer.HasErrorCode(exceededTimeLimit))
}

// admin gives do the server's admin database, by a connection that does not ask
// whether the server is primary.
func (m *mongod) admin(ctx context.Context, do func(*mongo.Database) error) error {
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + m.address() + "/?directConnection=true" + m.query))
	if err != nil {
		return err
	}
	return errors.Join(do(client.Database("admin")), client.Disconnect(context.WithoutCancel(ctx)))
}

// explain says why a server that was started, and is gone, was of no use.
func (m *mongod) explain(err error) error {
	state := m.process.ProcessState
	if state.Exited() {
		err = fmt.Errorf("it ended: %v", state)
	}
	if state.ExitCode() == exitNetwork {
		err = fmt.Errorf("port %d: %w", m.port, errPortTaken)
	}
	return fmt.Errorf("mongod: %w; the end of its log:\n%s", err, m.logEnd())
}

// logEnd is enough of the end of the log to see what was wrong.
func (m *mongod) logEnd() []byte {
	log, _ := os.ReadFile(m.logPath()) // it is only shown
	return log[max(0, len(log)-4096):]
}

func (m *mongod) logPath() string { return filepath.Join(m.folder, "mongod.log") }

func (m *mongod) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)) }

func (m *mongod) uri() string {
	return "mongodb://" + m.address() + "/?replicaSet=" + replicaSet + m.query
}

// freePort finds a free port below those that systems give to outgoing
// connections, so that it stays free while its server is down.
func freePort() (int, error) {
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port between 20000 and 30000")
}

// poll tries until there is no error. Its own is that of the last try, with the
// context's.
func poll(ctx context.Context, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}
