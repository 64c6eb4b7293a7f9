package main

import (
	"context"
	"strings"
	"sync"
	"time"
)

// How much a node may weigh at rest, in all and more for each chain. Both are several
// times what is seen: they find what grows and grows.
const (
	mostMemory         = 400 << 20 // bytes
	mostGoroutines     = 400
	goroutinesPerChain = 100
)

// recovery is how long a cluster to which nothing happens any more may take until all
// is well.
const recovery = 60 * time.Second

// judge lets a cluster come to rest and says what is wrong with it.
func (c *cluster) judge() {
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
	for _, goal := range c.goals() {
		begun := time.Now()
		if err := c.await(recovery, goal.amiss); err != nil {
			c.t.Errorf("streams or chains are not %s %v", goal.name, err)
			continue
		}
		c.diary.note("%s after %.1f s", goal.name, time.Since(begun).Seconds())
	}
	c.compare()
	c.weigh()
	for _, n := range append(c.nodes, c.spare) {
		deaths, failed := n.ends()
		for _, death := range deaths {
			c.t.Error(death)
		}
		if failed > 0 {
			c.diary.note("%s: %d starts came to nothing, and were made again", n.name, failed)
		}
		if said := n.out.alarming(); said != "" {
			c.t.Errorf("%s says:\n%s", n.name, said)
		}
	}
}

// compare compares the documents with the model's.
func (c *cluster) compare() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), recovery)
	defer cancel()
	got, err := c.database.documents(ctx)
	if err != nil {
		c.t.Error(err)
		return
	}
	want := contents{}
	for _, m := range c.models {
		if err := m.documents(want); err != nil {
			c.t.Error(err)
		}
	}
	if d := differences(got, want); len(d) > 0 {
		c.t.Errorf("the documents are not the model's:\n%s", strings.Join(d, "\n"))
	}
	total := 0
	for _, docs := range want {
		total += len(docs)
	}
	c.diary.note("%d documents compared", total)
}

// weigh checks that nodes have not grown without bound.
func (c *cluster) weigh() {
	c.t.Helper()
	for _, n := range c.up() {
		w := n.weigh(c.t.Context())
		c.diary.note("%s: %v", n.name, w)
		if w.memory > mostMemory {
			c.t.Errorf("%s takes up %v", n.name, w)
		}
		if w.goroutines > int64(mostGoroutines+goroutinesPerChain*len(c.world.chains)) {
			c.t.Errorf("%s has %v", n.name, w)
		}
	}
}

// end asks all nodes to leave at once.
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
