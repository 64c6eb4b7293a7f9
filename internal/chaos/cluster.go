package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/programtest"
	"github.com/imart/event-worker/persistence"
)

// cluster is the chains, the nodes that follow them, and their database.
type cluster struct {
	t        testing.TB
	world    *world
	models   []devnet.Model
	server   *mongotest.Server
	database *database
	nodes    []*node
	spare    *node
	diary    *diary
	evidence string // a folder for what shows a failure
	recovery time.Duration
}

// databaseName is the nodes' database, on a dedicated server.
const databaseName = "chaos"

// newCluster creates everything and starts the chains and the server, but no node.
func newCluster(t testing.TB, o options, at timing) *cluster {
	t.Helper()
	server := mongotest.Start(t) // first, because it skips the test if there is no server
	w, err := startWorld(t.Context(), o.seed, o.chains, o.pace)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, world: w, server: server, diary: &diary{started: time.Now()}, evidence: o.evidence, recovery: o.recovery()}
	for _, chain := range w.chains {
		m, err := devnet.NewModel(chain)
		if err != nil {
			t.Fatal(err)
		}
		c.models = append(c.models, m)
	}
	uri, err := mongotest.WithDatabase(server.URI(), databaseName)
	if err != nil {
		t.Fatal(err)
	}
	c.database = &database{uri: uri}
	t.Cleanup(c.database.close)
	program := o.program
	if program == "" {
		program = programtest.Build(t)
	}
	for i := range o.nodes {
		c.nodes = append(c.nodes, newNode(t, program, fmt.Sprint("node-", i+1), w, at, server))
	}
	c.spare = newNode(t, program, "spare", w, at, server)
	return c
}

// up returns the nodes that are up.
func (c *cluster) up() []*node {
	return slices.DeleteFunc(append(slices.Clone(c.nodes), c.spare), func(n *node) bool { return !n.up() })
}

// someAPI returns the URL of the API of a node that is up, often of one whose answers are
// doubted; empty if there is none.
func (c *cluster) someAPI(r *rand.Rand) string {
	nodes := c.up()
	if r.IntN(2) == 0 {
		for _, n := range nodes {
			if n.doubted() {
				return n.out.api()
			}
		}
	}
	if len(nodes) == 0 {
		return ""
	}
	return nodes[r.IntN(len(nodes))].out.api()
}

// await waits until amiss returns an empty text. If that takes longer than patience, the
// error is the last text.
func (c *cluster) await(patience time.Duration, amiss func(ctx context.Context) (string, error)) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var last error
	for {
		what, err := amiss(ctx)
		if err == nil && what == "" {
			return nil
		}
		switch {
		case err == nil:
			last = errors.New(what)
		case !errors.Is(err, context.DeadlineExceeded): // otherwise patience may be what ended
			last = err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("after %v: %w", patience, cmp.Or(last, ctx.Err()))
		}
	}
}

// goal is a state that a cluster reaches without intervention.
type goal struct {
	name  string
	amiss func(context.Context) (string, error)
}

func (c *cluster) goals() []goal {
	return []goal{{"spread evenly", c.uneven}, {"at the heads of their chains", c.behind}}
}

// behind names the observers that are not at the heads of their chains.
func (c *cluster) behind(ctx context.Context) (string, error) {
	actors, err := all[persistence.Actor](ctx, c.database, persistence.Actors)
	return devnet.Behind(c.models, true, actors), err
}

// uneven describes how the chains are distributed over the nodes that are up, unless
// evenly.
func (c *cluster) uneven(ctx context.Context) (string, error) {
	members, err := all[persistence.Node](ctx, c.database, persistence.Nodes)
	if err != nil {
		return "", err
	}
	leases, err := all[persistence.Lease](ctx, c.database, persistence.Leases)
	if err != nil {
		return "", err
	}
	born := map[string]time.Time{}
	for _, n := range c.up() {
		born[n.name] = n.born()
	}
	owned := map[string]int{} // chains by node that is a member
	ended := 0                // members whose process has ended
	for _, m := range members {
		if m.Living() {
			owned[m.ID] = 0
			if at, up := born[m.Name]; !up || m.JoinedAt.Before(at) {
				ended++
			}
		}
	}
	total := 0
	for _, l := range leases {
		if _, member := owned[l.Node]; member {
			owned[l.Node]++
			total++
		}
	}
	nodes, chains := len(born), len(c.world.chains)
	counts := slices.Collect(maps.Values(owned))
	if total == chains && len(owned) == nodes && ended == 0 && slices.Max(counts)-slices.Min(counts) <= 1 {
		return "", nil
	}
	return fmt.Sprintf("%d chains, %d nodes up, %d members whose process has ended; owned: %s", chains, nodes, ended, spreadOf(owned)), nil
}

func spreadOf(owned map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(owned)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, owned[name]))
	}
	return strings.Join(parts, ", ")
}
