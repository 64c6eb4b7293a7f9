package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	coordination "github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/internal/released"
	"github.com/imart/event-worker/persistence"
)

// rollingVariable is set for the test of a rolling upgrade, which builds another version.
const rollingVariable = "EVENT_WORKER_TEST_ROLLING"

// Three nodes of the last version are replaced by the present one, one after the other,
// while their chains grow and are reorganised: the two versions share the chains, and the
// documents end as the chains determine. Once the present version has brought the database
// up to date, the last one no longer starts.
func TestRollingUpgrade(t *testing.T) {
	if os.Getenv(rollingVariable) == "" {
		t.Skip("set " + rollingVariable + "=1: it takes minutes")
	}
	o := options{seed: 1, nodes: 3, chains: 6, pace: time.Second}
	c := newCluster(t, o, quick)
	c.diary.say = func(line string) { t.Log(line) }
	t.Cleanup(func() { c.explain(o) })
	last, present := released.Build(t, released.Last()), c.spare.program
	for _, n := range c.nodes {
		n.program = last
	}
	recording, stopRecording := context.WithCancel(t.Context())
	defer stopRecording()
	history, err := record(recording, c.database.uri, databaseName, newTally(c.models).count, c.diary.started)
	if err != nil {
		t.Fatal(err)
	}
	c.start()
	growing, stopGrowing := context.WithCancel(t.Context())
	defer stopGrowing()
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		c.world.run(growing)
	}()
	c.grow()
	for i, n := range c.nodes {
		if err := n.stop(leaveWithin); err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		c.grow()
		n.program = present
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
		if err := c.await(c.recovery, c.uneven); err != nil {
			t.Fatalf("%d nodes replaced: chains are not spread evenly %v", i+1, err)
		}
		c.grow()
		c.sharesCluster()
		c.diary.note("%d nodes replaced", i+1)
	}
	c.refuses(last)
	stopGrowing()
	<-mined
	c.judge()
	c.end()
	stopRecording()
	draining, cancel := context.WithTimeout(t.Context(), c.recovery)
	defer cancel()
	if err := history.finish(draining); err != nil {
		t.Fatalf("the history could not be read: %v", err)
	}
	checker := history.checker
	for _, fault := range checker.Faults() {
		t.Errorf("history: %s", fault)
	}
	t.Logf("%d blocks with %d reorganisations; %d commits, %d take-overs", c.world.blocks, c.world.reorgs, checker.Commits(), len(checker.TakeOvers()))
}

// grow waits until every chain has grown by some blocks.
func (c *cluster) grow() {
	c.t.Helper()
	const blocks = 3
	want := map[string]int64{}
	for _, chain := range c.world.chains {
		want[chain.Name] = chain.Head().Number() + blocks
	}
	err := c.await(c.recovery, func(context.Context) (string, error) {
		for _, chain := range c.world.chains {
			if at := chain.Head().Number(); at < want[chain.Name] {
				return fmt.Sprintf("%s is at %d of %d", chain.Name, at, want[chain.Name]), nil
			}
		}
		return "", nil
	})
	if err != nil {
		c.t.Fatalf("the chains do not grow: %v", err)
	}
}

// sharesCluster checks that all nodes are members of one cluster, whose versions work
// together.
func (c *cluster) sharesCluster() {
	c.t.Helper()
	members, err := all[persistence.Node](c.t.Context(), c.database, persistence.Nodes)
	if err != nil {
		c.t.Fatal(err)
	}
	living := 0
	for _, m := range members {
		if !m.Living() {
			continue
		}
		if living++; m.Protocol != coordination.Protocol {
			c.t.Errorf("%s has protocol %d, the present version %d", m.ID, m.Protocol, coordination.Protocol)
		}
	}
	if living != len(c.nodes) {
		c.t.Errorf("%d nodes are members, of %d", living, len(c.nodes))
	}
}

// refuses checks that a program does not start on the database.
func (c *cluster) refuses(program string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.recovery)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "run")
	cmd.Dir, cmd.Env = c.spare.dir, c.spare.environ
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "it was written by a newer version") {
		c.t.Errorf("the last version: %v\n%s", err, out)
	}
}
