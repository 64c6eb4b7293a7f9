package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/persistence"
)

// Limits of a node's memory and goroutines at rest: a base and an amount for each chain.
// Both are several times the observed values: they detect unbounded growth.
const (
	mostMemory         = 400 << 20 // bytes
	mostGoroutines     = 400
	goroutinesPerChain = 100
)

// leastRecovery is how long a cluster may take to recover once the faults have ended: longer
// after a long round, which leaves a larger database behind, and streams further back.
const leastRecovery = 60 * time.Second

func (o options) recovery() time.Duration { return leastRecovery + o.lasts/10 }

// judge waits until a cluster is at rest, and reports every violation and whether it is at rest.
func (c *cluster) judge() (rested bool) {
	c.t.Helper()
	for _, n := range c.nodes {
		n.proxy.Pass()
		if !n.up() {
			if err := n.start(); err != nil {
				c.t.Error(err)
			}
		}
	}
	c.diary.note("at rest")
	rested = true
	for _, goal := range c.goals() {
		started := time.Now()
		if err := c.await(c.recovery, goal.amiss); err != nil {
			c.t.Errorf("streams or chains are not %s %v", goal.name, err)
			rested = false
			continue
		}
		c.diary.note("%s after %.1f s", goal.name, time.Since(started).Seconds())
	}
	if rested {
		c.compare()
	}
	c.weigh()
	for _, n := range append(c.nodes, c.spare) {
		deaths, failed := n.ends()
		for _, death := range deaths {
			c.t.Error(death)
		}
		if failed > 0 {
			c.diary.note("%s: %d starts failed and were retried", n.name, failed)
		}
		if said := n.out.alarming(); said != "" {
			c.t.Errorf("output of %s:\n%s", n.name, said)
		}
	}
	return rested
}

func (c *cluster) compare() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.recovery)
	defer cancel()
	got, err := c.database.documents(ctx)
	if err != nil {
		c.t.Error(err)
		return
	}
	want := devnet.Contents{}
	for _, m := range c.models {
		if err := m.Documents(want); err != nil {
			c.t.Error(err)
		}
	}
	if d := devnet.Differences(got, want); len(d) > 0 {
		c.t.Errorf("the documents differ from the model's:\n%s", strings.Join(d, "\n"))
	}
	total := 0
	for _, docs := range want {
		total += len(docs)
	}
	c.diary.note("%d documents compared", total)
}

// finish has the followers read the feed to its end.
func (c *cluster) finish(fs *followers) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.recovery)
	defer cancel()
	newest, err := c.database.reader.Newest(ctx)
	if err == nil {
		err = fs.finish(newest, c.recovery)
	}
	if err != nil {
		c.t.Error(err)
	}
}

// compareFollowers checks that the followers' copies equal the documents of the database, which
// is at rest.
func (c *cluster) compareFollowers(fs *followers) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), c.recovery)
	defer cancel()
	want, err := feedtest.Take(ctx, c.database.reader, devnet.Collections, persistence.Filter{})
	if err != nil {
		c.t.Error(err)
		return
	}
	for i, f := range fs.all {
		c.diary.note("reader %d of the feed: %d changes over %d connections", i, f.changes, f.opened)
		if f.partial {
			continue
		}
		if d := devnet.Differences(devnet.Contents(f.have), devnet.Contents(want)); len(d) > 0 {
			c.t.Errorf("the documents of reader %d differ from the database's:\n%s", i, strings.Join(d, "\n"))
		}
	}
}

// weigh checks that the nodes have not grown without bound.
func (c *cluster) weigh() {
	c.t.Helper()
	for _, n := range c.up() {
		w, err := n.weigh(c.t.Context())
		if err != nil {
			c.t.Errorf("metrics of %s: %v", n.name, err)
		}
		c.diary.note("%s: %v", n.name, w)
		if w.memory > mostMemory {
			c.t.Errorf("%s uses %v", n.name, w)
		}
		if w.goroutines > int64(mostGoroutines+goroutinesPerChain*len(c.world.chains)) {
			c.t.Errorf("%s has %v", n.name, w)
		}
	}
}

// end asks all nodes to leave at the same time.
func (c *cluster) end() {
	c.t.Helper()
	var group sync.WaitGroup
	for _, n := range c.up() {
		group.Go(func() {
			if err := n.stop(leaveWithin); err != nil {
				c.t.Errorf("%s, all leaving: %v", n.name, err)
			}
		})
	}
	group.Wait()
}
