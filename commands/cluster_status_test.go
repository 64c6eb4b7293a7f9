package commands

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
)

// Status shows the nodes, the owners and the tree, and less with --brief or --chain.
func TestClusterStatus(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	c := newTeam(t)
	c.start("one", calm, "EVENT_WORKER_CLUSTER_ROLES=aptos")
	two := c.start("two", calm, "EVENT_WORKER_CLUSTER_ROLES=evm")
	c.until("each has a chain", ownedBy("one", "two"))
	c.finish()
	s := c.status()
	one := fmt.Sprintf("%s, epoch %d", id(t, s, "one"), s.Leases[0].Epoch)

	whole := c.output(t, "status")
	expect(t, whole, "2 nodes in MongoDB, database test_", "node ", "joined", one, "order-collection-offer-accept", "ethereum", "epoch 1")
	for _, n := range s.living() {
		expectCells(t, whole, n.ID, "up", "1", n.Version)
	}
	expectCells(t, whole, "aptos", one)

	brief := c.output(t, "status", "--brief")
	expectCells(t, brief, "aptos", one, "18", persistence.Running)
	if strings.Contains(brief, "subject") || strings.Contains(brief, "seaport") {
		t.Errorf("not brief:\n%s", brief)
	}
	if aptos := c.output(t, "status", "--chain", "aptos"); strings.Contains(aptos, "ethereum") || !strings.Contains(aptos, "tradeport") {
		t.Errorf("not of one chain:\n%s", aptos)
	}
	var told struct {
		Data   string
		Nodes  []persistence.Node
		Leases []persistence.Lease
		Chains []*branch
	}
	if err := json.Unmarshal([]byte(c.output(t, "status", "--json", "--brief")), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Nodes) != 2 || len(told.Leases) != 2 || len(told.Chains) != 2 || len(told.Chains[0].Children) > 0 {
		t.Errorf("as JSON: %+v", told)
	}

	two.ends(syscall.SIGTERM)
	after := c.output(t, "status", "--brief")
	expect(t, after, "1 node in MongoDB", "within the last hour 1 left and 0 died")
	expectCells(t, after, "ethereum", "none", persistence.Stopped)
}

// With --watch status prints at intervals until it is stopped, and succeeds.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	c := newTeam(t)
	c.start("one")
	c.until("one has both", ownedBy("one", "one"))
	watch := launchIn(t, c.dir, c.database, "status", "--brief", "--watch=50ms")
	eventually(t, "it prints again", func() bool { return strings.Count(watch.out.String(), "1 node in MongoDB") > 1 })
	watch.ends(syscall.SIGINT)
}

func expect(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}

// expectCells expects a line of a table that has all of some cells.
func expectCells(t *testing.T, table string, cells ...string) {
	t.Helper()
	for line := range strings.Lines(table) {
		there := map[string]bool{}
		for cell := range strings.SplitSeq(strings.TrimLeft(line, "│├└─ "), "  ") {
			there[strings.TrimSpace(cell)] = true
		}
		all := true
		for _, cell := range cells {
			all = all && there[cell]
		}
		if all {
			return
		}
	}
	t.Errorf("no line with %q in\n%s", cells, table)
}
