package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
)

// leaveWithin bounds how long a node takes to hand over its chains and end.
const leaveWithin = 20 * time.Second

// adversary injects one fault after the other into a cluster, and heals each before the
// next. The sequence of faults follows from its seed; their timing and victims depend on
// the course of the run.
type adversary struct {
	t      testing.TB
	r      *rand.Rand
	nodes  []*node
	spare  *node // joins and leaves
	server *mongotest.Server
	diary  *diary
	deck   []fault
	steady bool // the first node's process is never ended
}

// fault is one kind of fault. Its function returns once the fault is healed.
type fault struct {
	name string
	hits target
	ends bool // the node's process
	do   func(ctx context.Context, v victim)
}

// target is what a fault affects: nothing is affected by two faults at the same time.
type target int

const (
	aNode target = iota
	theSpare
	theServer
)

// victim is what a fault affects, and for how long.
type victim struct {
	*node
	duration time.Duration
	// alone says that no other fault is active at the same time.
	alone bool
}

// faults returns all faults, each with its possible durations.
func (a *adversary) faults() []fault {
	return []fault{
		{"kill -9", aNode, true, a.kill},
		{"freeze, short", aNode, false, a.freeze},
		{"freeze, about the ttl", aNode, false, a.freeze},
		{"freeze, long", aNode, false, a.freeze},
		{"SIGTERM", aNode, true, a.leave},
		{"cut off: black hole", aNode, false, a.blackHole},
		{"cut off: refused", aNode, false, a.refuse},
		{"join or leave", theSpare, false, a.joinOrLeave},
		{"MongoDB killed", theServer, false, a.killServer},
		{"MongoDB frozen", theServer, false, a.freezeServer},
		{"MongoDB steps down", theServer, false, a.stepDown},
	}
}

// duration returns the duration of a fault.
func (a *adversary) duration(name string) time.Duration {
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(a.r.Int64N(int64(most-least)))
	}
	switch name {
	case "freeze, short":
		return between(ttl/10, ttl*2/3)
	case "freeze, about the ttl":
		return between(ttl*9/10, ttl*3/2)
	case "freeze, long":
		return between(ttl*3/2, ttl*4)
	case "cut off: black hole", "cut off: refused":
		return between(ttl/3, ttl*4)
	}
	return between(ttl/10, ttl*3)
}

// run injects faults until the context ends.
func (a *adversary) run(ctx context.Context) {
	for pause(ctx, a.calm()) {
		dealt := a.deal()
		var names []string
		var all sync.WaitGroup
		order := a.r.Perm(len(a.nodes))
		for _, f := range dealt {
			names = append(names, f.name)
		}
		a.diary.startEvent(strings.Join(names, " + "))
		for _, f := range dealt {
			v := victim{duration: a.duration(f.name), alone: len(dealt) == 1}
			if f.hits == aNode {
				v.node, order = a.choose(f, order)
			}
			all.Go(func() { f.do(ctx, v) })
		}
		all.Wait()
	}
}

// choose returns the first of some nodes that a fault may hit, and the others.
func (a *adversary) choose(f fault, order []int) (*node, []int) {
	i := 0
	if f.ends && a.steady && order[0] == 0 && len(order) > 1 {
		i = 1
	}
	return a.nodes[order[i]], slices.Delete(slices.Clone(order), i, i+1)
}

// calm returns the pause between faults: mostly long enough for the cluster to recover.
func (a *adversary) calm() time.Duration {
	if a.r.IntN(4) == 0 {
		return time.Duration(a.r.Int64N(int64(ttl / 2)))
	}
	return ttl + time.Duration(a.r.Int64N(int64(2*ttl)))
}

// deal takes one fault, or two that may overlap, from a shuffled deck of all.
func (a *adversary) deal() []fault {
	dealt := []fault{a.draw()}
	if a.r.IntN(3) > 0 {
		return dealt
	}
	second := a.draw()
	if second.hits == dealt[0].hits && (second.hits != aNode || len(a.nodes) == 1) {
		a.deck = append(a.deck, second) // for a later turn
		return dealt
	}
	return append(dealt, second)
}

func (a *adversary) draw() fault {
	if len(a.deck) == 0 {
		a.deck = a.faults()
		a.r.Shuffle(len(a.deck), func(i, j int) { a.deck[i], a.deck[j] = a.deck[j], a.deck[i] })
	}
	f := a.deck[0]
	a.deck = a.deck[1:]
	return f
}

// pause waits; false if the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// wrong records a failure of the run. A node that is down is not a failure here: it may
// be about to restart.
func (a *adversary) wrong(what string, n *node, err error) {
	a.t.Helper()
	if errors.Is(err, errDown) {
		a.diary.note("%s %s: %v", what, n.name, err)
		return
	}
	a.diary.note("WRONG: %s %s: %v", what, n.name, err)
	a.t.Errorf("%s %s: %v", what, n.name, err)
}

func (a *adversary) start(n *node) {
	a.t.Helper()
	if err := n.start(); err != nil {
		a.wrong("starting", n, err)
		return
	}
	a.diary.note("%s started", n.name)
}

func (a *adversary) kill(ctx context.Context, v victim) {
	v.kill()
	a.diary.note("%s killed", v.name)
	pause(ctx, v.duration)
	a.start(v.node)
}

func (a *adversary) freeze(ctx context.Context, v victim) {
	if err := v.node.freeze(); err != nil {
		a.wrong("freezing", v.node, err)
		return
	}
	a.diary.note("%s frozen, for %v", v.name, v.duration.Round(time.Millisecond))
	pause(ctx, v.duration)
	v.doubt(ttl)
	if err := v.thaw(); err != nil {
		a.wrong("waking", v.node, err)
	}
	a.diary.note("%s resumed", v.name)
}

func (a *adversary) leave(ctx context.Context, v victim) {
	a.stop(v.node, v.alone)
	pause(ctx, v.duration)
	a.start(v.node)
}

// stop asks a node to leave. It must end successfully and in time, unless another fault
// is active, which may prevent the hand-over.
func (a *adversary) stop(n *node, alone bool) {
	a.diary.note("%s asked to stop", n.name)
	started := time.Now()
	err := n.stop(leaveWithin)
	if err != nil && alone {
		a.wrong("stopping", n, err)
		return
	}
	a.diary.note("%s ended after %.1f s: %v", n.name, time.Since(started).Seconds(), err)
}

func (a *adversary) joinOrLeave(_ context.Context, v victim) {
	if a.spare.up() {
		a.stop(a.spare, v.alone)
		return
	}
	a.start(a.spare)
}

func (a *adversary) blackHole(ctx context.Context, v victim) {
	v.proxy.Hole()
	a.cutOff(ctx, v)
}

func (a *adversary) refuse(ctx context.Context, v victim) {
	v.proxy.Refuse()
	a.cutOff(ctx, v)
}

func (a *adversary) cutOff(ctx context.Context, v victim) {
	a.diary.note("%s cut off from MongoDB, for %v", v.name, v.duration.Round(time.Millisecond))
	v.doubt(v.duration + ttl)
	pause(ctx, v.duration)
	v.proxy.Pass()
	a.diary.note("%s can reach MongoDB again", v.name)
}

func (a *adversary) killServer(ctx context.Context, v victim) {
	a.server.Kill()
	a.diary.note("MongoDB killed, for %v", v.duration.Round(time.Millisecond))
	pause(ctx, v.duration)
	a.server.Restart()
	a.diary.note("MongoDB is primary again")
}

func (a *adversary) freezeServer(ctx context.Context, v victim) {
	a.server.Pause()
	a.diary.note("MongoDB frozen, for %v", v.duration.Round(time.Millisecond))
	pause(ctx, v.duration)
	a.server.Resume()
	a.diary.note("MongoDB resumed")
}

func (a *adversary) stepDown(ctx context.Context, v victim) {
	seconds := 1 + int(v.duration/time.Second)
	a.server.StepDown(context.WithoutCancel(ctx), seconds)
	a.diary.note("MongoDB stepped down, for %d s", seconds)
	pause(ctx, time.Duration(seconds)*time.Second)
}
