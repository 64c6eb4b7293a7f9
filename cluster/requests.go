package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
)

// answerWithin is how long a chain's owner may take to answer a request. It is longer
// than a chain is usually without owner.
const answerWithin = 5 * time.Second

// errNotMember says that a node takes no part in the cluster yet, or no longer.
var errNotMember = errors.New("not a member of the cluster yet")

// Ask asks the owners of chains how they are. The requests come back in the order of the
// chains, ended but for those that not even another node has seen to in time. An error
// means that no owner could be asked, for example because MongoDB does not answer.
func (c *Coordinator) Ask(ctx context.Context, chains []string) ([]persistence.Request, error) {
	me := c.view().node
	if me == "" {
		return nil, errNotMember
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin+callTimeout)
	defer cancel()
	requests := make([]persistence.Request, len(chains))
	ids := make([]string, len(chains))
	for i, chain := range chains {
		ids[i] = rand.Text()
		requests[i] = persistence.Request{ID: ids[i], Chain: chain, Kind: persistence.StatusRequest, AskedBy: me}
	}
	within, done := context.WithTimeout(ctx, callTimeout)
	defer done()
	if err := c.cfg.Registry.Ask(within, requests, answerWithin); err != nil {
		return nil, err
	}
	found, err := c.await(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		requests[slices.Index(ids, r.ID)] = r
	}
	return requests, nil
}

// await waits until requests have ended, or for as long as they may take.
func (c *Coordinator) await(ctx context.Context, ids []string) ([]persistence.Request, error) {
	deadline := time.Now().Add(answerWithin + 2*c.cfg.Poll)
	for {
		changed := c.changes.wait()
		found, err := c.cfg.Registry.Requests(ctx, ids)
		if err != nil {
			return nil, err
		}
		pending := slices.ContainsFunc(found, func(r persistence.Request) bool { return !r.Ended() })
		if !pending || time.Now().After(deadline) {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-changed:
		case <-time.After(c.cfg.Poll):
		}
	}
}

// answer answers the requests to this node and of the chains that it owns, until the context
// ends.
func (c *Coordinator) answer(ctx context.Context) {
	seen := map[string]time.Time{} // requests that others ought to answer, by ID, and since when
	for {
		changed := c.changes.wait()
		seen = c.answerPending(ctx, seen)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(c.cfg.Poll):
		}
	}
}

// answerPending answers the requests that this node can answer, and fails those that other
// nodes have left unanswered for too long. It returns those that they may still answer. It
// does not report errors: the next attempt may succeed, and an outage of MongoDB is
// reported elsewhere.
func (c *Coordinator) answerPending(ctx context.Context, seen map[string]time.Time) map[string]time.Time {
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pending, err := c.cfg.Registry.Pending(within)
	if err != nil {
		return seen
	}
	view, waiting := c.view(), map[string]time.Time{}
	c.drain(within, view.node, slices.DeleteFunc(slices.Clone(pending), func(r persistence.Request) bool { return !r.ToNode() }))
	for _, r := range pending {
		if r.State != persistence.RequestPending { // its owner executes it
			continue
		}
		owned, ok := view.owned[r.Chain]
		if ok && owned.phase != acquiring && r.Kind == persistence.StatusRequest {
			_, _ = c.cfg.Registry.Answer(within, owned.lease, r.ID, persistence.Answer{Phase: owned.phase.String()})
			continue
		}
		since, again := seen[r.ID]
		if !again {
			since = time.Now()
		}
		waiting[r.ID] = since
		if time.Since(since) >= answerWithin {
			_, _ = c.cfg.Registry.Fail(within, r.ID, view.known.unanswered(r))
		}
	}
	return waiting
}

// unanswered says why a request has no answer.
func (s snapshot) unanswered(r persistence.Request) string {
	if r.ToNode() {
		if n, known := s.node(r.Node); known && n.Living() {
			return fmt.Sprintf("node %s, version %s, has not answered", n.ID, n.Version)
		}
		return fmt.Sprintf("no node %q lives", r.Node)
	}
	owner := s.lease(r.Chain).Node
	if n, known := s.node(owner); known && n.Living() {
		return fmt.Sprintf("node %s, version %s, owns the chain and has not answered", n.ID, n.Version)
	}
	return "no node owns the chain"
}

// view is what others may see of a coordinator.
type view struct {
	node  string               // this node's ID; empty while it is no member
	owned map[string]ownership // by chain
	known snapshot
}

func (c *Coordinator) view() view {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.published
}
