package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/child"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
)

// timing is the timing in a node's configuration.
type timing struct {
	ttl         time.Duration // a node without a heartbeat for so long is declared dead
	clusterPoll time.Duration
	chainPoll   time.Duration
}

var (
	// quick is shorter than in production, so that more happens in less time.
	quick = timing{ttl, 250 * time.Millisecond, 300 * time.Millisecond}
	// ordinary is the default configuration.
	ordinary = timing{3 * time.Second, 500 * time.Millisecond, 5 * time.Second}
)

// ttl is the quick nodes' time until a silent node is declared dead.
const ttl = 1500 * time.Millisecond

// node is a process of the real program, in one incarnation after the other.
type node struct {
	name    string
	program string
	dir     string
	proxy   *mongotest.Proxy // in front of MongoDB
	environ []string
	out     output

	mu      sync.Mutex
	wanted  bool           // up
	process *child.Process // nil when it is down
	started time.Time
	failed  int       // failed starts
	deaths  []string  // unexpected ends
	suspect time.Time // until then its answers are the most likely to be stale
}

// newNode prepares a node that follows all chains of a world.
func newNode(t testing.TB, program, name string, w *world, at timing, server *mongotest.Server) *node {
	t.Helper()
	n := &node{name: name, program: program, dir: t.TempDir(), proxy: mongotest.NewProxy(t, server.Address())}
	if err := os.WriteFile(filepath.Join(n.dir, "event-worker.yaml"), []byte(n.configuration(w, at)), 0o600); err != nil {
		t.Fatal(err)
	}
	n.environ = append(programtest.Environ(), "MONGODB_URI="+n.proxy.URI(databaseName))
	t.Cleanup(n.kill)
	return n
}

func (n *node) configuration(w *world, at timing) string {
	var b strings.Builder
	fmt.Fprintf(&b, "node: %s\ncluster:\n  poll: %s\n  ttl: %s\nmonitor:\n  listen: 127.0.0.1:0\napi:\n  listen: 127.0.0.1:0\nchains:\n", n.name, at.clusterPoll, at.ttl)
	for _, c := range w.chains {
		fmt.Fprintf(&b, "  %s:\n    kind: evm\n    chainId: %d\n    endpoint: %s/%s\n    poll: %s\n    timeout: 5s\n    confirmViolations: 5s\n    markets:\n      %s: {start: 1}\n",
			c.Name, c.ID, w.url, c.Name, at.chainPoll, devnet.MarketName)
	}
	return b.String()
}

// start starts the node, which must be down.
func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		return fmt.Errorf("%s is up", n.name)
	}
	return n.launch()
}

// launch starts another incarnation. The caller holds the mutex.
func (n *node) launch() error {
	cmd := exec.Command(n.program, "run")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.dir, n.environ, &n.out, &n.out
	n.started = time.Now()
	n.out.reset()
	p, err := child.Start(cmd)
	if err != nil {
		return err
	}
	n.process, n.wanted = p, true
	go func() {
		<-p.Gone
		n.gone(p)
	}()
	return nil
}

// restartAfter is how long a node that failed to start stays down.
const restartAfter = time.Second

// gone handles an unexpected end. A node that never joined the cluster, for example
// because MongoDB was unavailable, is restarted, as a service manager would do. A node
// that was a member must not die.
func (n *node) gone(p *child.Process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != p {
		return
	}
	n.process = nil
	if n.out.joined() || p.ProcessState.ExitCode() != 1 {
		n.wanted = false
		n.deaths = append(n.deaths, fmt.Sprintf("%s died unexpectedly: %v", n.name, p.ProcessState))
		n.out.mark(fmt.Sprintf("died unexpectedly: %v", p.ProcessState))
		return
	}
	n.failed++
	n.out.mark("could not start")
	time.AfterFunc(restartAfter, n.restart)
}

// restart starts a node that should be up and is not.
func (n *node) restart() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wanted && n.process == nil {
		if err := n.launch(); err != nil {
			n.deaths = append(n.deaths, fmt.Sprintf("%s cannot be started: %v", n.name, err))
		}
	}
}

// release returns the node's process, whose end is expected from here on; nil if it is
// down.
func (n *node) release() *child.Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.process
	n.process, n.wanted = nil, false
	return p
}

// running returns the node's process; nil if it is down.
func (n *node) running() *child.Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// up reports whether the node is up, or about to restart.
func (n *node) up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wanted
}

// born returns when the node's latest incarnation started.
func (n *node) born() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.started
}

// doubt makes readers prefer the node for some time.
func (n *node) doubt(lasts time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.suspect = time.Now().Add(lasts)
}

// doubted reports whether the node is up, and was frozen or cut off a moment ago or is now.
func (n *node) doubted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wanted && time.Now().Before(n.suspect)
}

// kill ends the node as a crash would.
func (n *node) kill() {
	if p := n.release(); p != nil {
		p.Kill()
		n.out.mark("killed")
	}
}

// errDown means that a node was down already.
var errDown = errors.New("it is down")

// freeze stops the node with SIGSTOP.
func (n *node) freeze() error {
	if p := n.running(); p != nil {
		return p.Pause()
	}
	return errDown
}

// thaw resumes a frozen node.
func (n *node) thaw() error {
	if p := n.running(); p != nil {
		n.out.mark("resumed")
		return p.Resume()
	}
	return errDown
}

// stop asks the node to leave, and returns how it ended. A node that does not end in
// time is killed.
func (n *node) stop(within time.Duration) error {
	p := n.release()
	if p == nil {
		return errDown
	}
	n.out.mark("asked to stop")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.Gone:
	case <-time.After(within):
		p.Kill()
		return fmt.Errorf("it does not end within %v of SIGTERM", within)
	}
	n.out.mark("ended: " + p.ProcessState.String())
	if !p.ProcessState.Success() {
		return fmt.Errorf("SIGTERM ends it with %v", p.ProcessState)
	}
	return nil
}

// ends returns the unexpected ends, and how many starts failed.
func (n *node) ends() (deaths []string, failed int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.deaths, n.failed
}
