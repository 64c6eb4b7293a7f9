package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// options configure a run.
type options struct {
	lasts  time.Duration
	seed   uint64
	nodes  int
	chains int
	pace   time.Duration // mean time between two blocks of a chain
	say    bool          // print each event when it happens
	// evidence is a folder for what shows a failure.
	evidence string
	// program is the program to test; empty: it is built.
	program string
}

// steadyFrom is the duration from which the first node is not killed or stopped, so that
// its growth can be measured.
const steadyFrom = 5 * time.Minute

// again returns the command that repeats a run.
func (o options) again() string {
	return fmt.Sprintf("go run ./internal/chaos -for %v -seed %d -nodes %d -chains %d -pace %v", o.lasts, o.seed, o.nodes, o.chains, o.pace)
}

// chaos lets nodes follow chains while faults are injected, until the time is over or
// the context ends, and then checks the result. What it has done is added to r.
func chaos(ctx context.Context, t testing.TB, o options, r *result) {
	t.Helper()
	c := newCluster(t, o, quick)
	if o.say {
		c.diary.say = func(line string) { t.Log(line) }
	}
	t.Cleanup(func() { c.explain(o) })
	recording, stopRecording := context.WithCancel(t.Context())
	defer stopRecording()
	history, err := record(recording, c.database.uri, databaseName, newTally(c.models).count, c.diary.started)
	if err != nil {
		t.Fatal(err)
	}
	c.diary.note("%s", o.again())
	c.start()
	followers, err := c.follow(t.Context(), o.seed)
	if err != nil {
		t.Fatal(err)
	}
	readers := c.read(t.Context(), o.seed)
	weighing, stopWeighing := context.WithCancel(t.Context())
	defer stopWeighing()
	weights := c.weighAll(weighing)
	events := c.suffer(ctx, o)
	stopWeighing()
	r.growth = c.judgeGrowth(weights)
	rested := c.judge()
	reads, err := readers.finish()
	if err != nil {
		t.Error(err)
	}
	c.finish(followers)
	if rested {
		c.compareFollowers(followers)
	}
	c.end()
	stopRecording()
	draining, cancel := context.WithTimeout(t.Context(), c.recovery)
	defer cancel()
	if err := history.finish(draining); err != nil {
		t.Fatalf("the history could not be read: %v", err)
	}
	c.judgeReads(&history.truth, reads, followers)
	checker := history.checker
	r.tell(c, checker, events, reads, followers)
	for _, fault := range checker.Faults() {
		t.Errorf("history: %s", fault)
	}
	t.Logf("%d blocks were mined in %d chains, with %d reorganisations; %d commits, %d take-overs, %d events\n\n%s",
		c.world.blocks, o.chains, c.world.reorgs, checker.Commits(), len(checker.TakeOvers()), len(events),
		silenceTable(c.world.chains, events, checker))
}

// start starts the nodes, and waits until all streams are at the heads of their chains.
func (c *cluster) start() {
	c.t.Helper()
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := c.await(c.recovery, c.behind); err != nil {
		c.t.Fatalf("the cluster does not start: streams are not at the heads of their chains %v", err)
	}
	c.diary.note("all streams are at the heads of their chains")
}

// suffer runs the adversary while the chains grow.
func (c *cluster) suffer(ctx context.Context, o options) []event {
	ctx, cancel := context.WithTimeout(ctx, o.lasts)
	defer cancel()
	mined := make(chan struct{})
	go func() {
		defer close(mined)
		c.world.run(ctx)
	}()
	a := &adversary{
		t: c.t, r: rand.New(rand.NewPCG(o.seed, 2)), nodes: c.nodes, spare: c.spare, server: c.server, diary: c.diary, steady: o.lasts >= steadyFrom,
	}
	a.run(ctx)
	<-mined
	return c.diary.events
}

// explain logs the details of a failed run.
func (c *cluster) explain(o options) {
	if !c.t.Failed() {
		return
	}
	c.t.Logf("seed %d; to repeat it: %s\n\nwhat happened:\n%v", o.seed, o.again(), c.diary)
	for _, n := range append(c.nodes, c.spare) {
		c.t.Logf("the last output of %s:\n%s", n.name, n.out.end())
	}
}
