package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// clusterSection is the heading of the queries whose answers come from a cluster.
const clusterSection = "The cluster"

// As TestQueriesOfThePage, on a cluster of processes that follow the recorded chains.
// It is as the page says in the end: it may take a while to get there.
func TestQueriesOfTheCluster(t *testing.T) {
	thorough.Only(t)
	uri := mongotest.Database(t)
	db, page := connect(t, uri), readPage(t, mongodbPage)
	c := workers{t: t, uri: uri, program: build(t)}
	c.ail(db)
	queries := page.queries(t, inCluster)
	for _, q := range queries {
		t.Run(fmt.Sprintf("%s:%d", page.name, q.line), func(t *testing.T) {
			eventually(t, func() error { return db.answers(t.Context(), q) })
			db.proveIndexed(t, q)
		})
	}
	t.Run("mongosh", func(t *testing.T) {
		shell := mongosh(t)
		eventually(t, func() error { return shell.answers(t.Context(), uri, page, queries) })
	})
	c.recover(db)
}

func inCluster(b block) bool  { return b.section == clusterSection }
func inDatabase(b block) bool { return b.section != clusterSection }

// ail runs a cluster and lets it suffer: worker-1 is killed and comes back, and
// worker-2 has its chain; worker-3 is killed, who alone could follow aptos; the
// endpoint of ethereum refuses logs; and worker-4 has a wrong clock.
func (c *workers) ail(db database) {
	c.t.Helper()
	c.follow(c.replay())
	first := c.start("worker-1", "evm")
	db.owned(c.t, "ethereum", 1)
	second := c.start("worker-2", "evm")
	db.has(c.t, persistence.Nodes, bson.D{{Key: "name", Value: second.name}, {Key: "beat", Value: bson.D{{Key: "$gt", Value: 3}}}})
	first.kill()
	db.owned(c.t, "ethereum", 2)
	c.start("worker-1", "evm")
	third := c.start("worker-3", "aptos")
	db.owned(c.t, "aptos", 1)
	third.kill()
	db.has(c.t, persistence.Nodes, bson.D{{Key: "name", Value: third.name}, {Key: "state", Value: persistence.Dead}})
	c.astray("worker-4")
}

// recover gives the chain without owner one, which ends what the dead one has begun.
func (c *workers) recover(db database) {
	c.t.Helper()
	c.start("worker-3", "aptos")
	db.owned(c.t, "aptos", 2)
}

// owned waits until a chain was taken so often.
func (db database) owned(t *testing.T, chain string, epoch int64) {
	t.Helper()
	db.has(t, persistence.Leases, bson.D{{Key: "_id", Value: chain}, {Key: "epoch", Value: epoch}})
}

// has waits until a collection has a document.
func (db database) has(t *testing.T, collection string, filter bson.D) {
	t.Helper()
	eventually(t, func() error { return db.Collection(collection).FindOne(t.Context(), filter).Err() })
}

// eventually tries until there is no error.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// workers are processes on one database.
type workers struct {
	t       *testing.T
	uri     string
	program program
}

// replay serves the recorded chains until the test ends, and returns a configuration
// that follows them.
func (c *workers) replay() string {
	c.t.Helper()
	replay := c.program.command(c.t.Context(), c.uri, c.program.binary(), "replay", "--pace", "5ms")
	replay.Stderr = os.Stderr
	out, err := replay.StdoutPipe()
	if err == nil {
		err = replay.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _, _ = replay.Process.Kill(), replay.Wait() })
	var config strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if config.Len() > 0 && lines.Text() == "" {
			go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the process
			return config.String()
		}
		if config.Len() > 0 || lines.Text() == "chains:" {
			fmt.Fprintln(&config, lines.Text())
		}
	}
	c.t.Fatal("replay prints no configuration")
	return ""
}

// follow writes the configuration of the workers, whose endpoints refuse logs.
func (c *workers) follow(config string) {
	c.t.Helper()
	_, rest, _ := strings.Cut(config, "endpoint: ")
	endpoint, _, _ := strings.Cut(rest, "/ethereum")
	refusing := httptest.NewServer(refuseLogs(c.t, endpoint))
	c.t.Cleanup(refusing.Close)
	if err := os.WriteFile(filepath.Join(c.program.folder, "event-worker.yaml"), []byte(strings.ReplaceAll(config, endpoint, refusing.URL)), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// refuseLogs hands on all requests but those for logs.
func refuseLogs(t *testing.T, endpoint string) http.Handler {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	node := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("eth_getLogs")) || bytes.Contains(body, []byte("eth_getBlockReceipts")) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		node.ServeHTTP(w, r)
	})
}

// worker is a process of a cluster.
type worker struct {
	name string
	*exec.Cmd
	log   bytes.Buffer
	ended sync.Once
}

// start starts a worker. When the test ends it is asked to leave.
func (c *workers) start(name, role string) *worker {
	c.t.Helper()
	w := &worker{name: name, Cmd: c.program.command(c.t.Context(), c.uri, c.program.binary(), "run")}
	w.Env = append(w.Env, "EVENT_WORKER_NODE="+name, "EVENT_WORKER_CLUSTER_ROLES="+role, "EVENT_WORKER_MONITOR_LISTEN=127.0.0.1:0")
	w.Stderr = &w.log
	w.Cancel, w.WaitDelay = func() error { return w.Process.Signal(syscall.SIGTERM) }, patience
	if err := w.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		w.wait()
		if c.t.Failed() {
			c.t.Logf("%s said\n%s", name, &w.log)
		}
	})
	return w
}

func (w *worker) wait() { w.ended.Do(func() { _ = w.Wait() }) }

func (w *worker) kill() {
	_ = w.Process.Kill()
	w.wait()
}

// astray lets a node take part whose clock is ahead: no process can be given a clock of
// its own.
func (c *workers) astray(name string) {
	c.t.Helper()
	store, err := mongo.Open(c.t.Context(), c.uri)
	if err != nil {
		c.t.Fatal(err)
	}
	node := persistence.Node{ID: name + ".w3ng5k", Name: name, Version: "1.0.0", Protocol: cluster.Protocol}
	node.Clock = time.Now()
	if err := store.Join(c.t.Context(), node); err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(c.t.Context())
	var beats sync.WaitGroup
	beats.Go(func() {
		for ctx.Err() == nil {
			_, _ = store.Heartbeat(ctx, node.ID, persistence.Heartbeat{Clock: time.Now().Add(10*time.Minute + 30*time.Second)})
			time.Sleep(500 * time.Millisecond)
		}
	})
	c.t.Cleanup(func() {
		stop()
		beats.Wait()
		_ = store.Close()
	})
}
