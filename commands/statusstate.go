package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// state is what status shows.
type state struct {
	Nodes  []persistence.Node  `json:"nodes,omitempty"`
	Leases []persistence.Lease `json:"leases"`
	Chains []*branch           `json:"chains"`
	// Changed are the streams whose definition has changed, with the changed aspects.
	Changed []string `json:"changed,omitempty"`
	// Audits are those of the audited chains.
	Audits []persistence.Audit `json:"audits,omitempty"`

	brief    bool
	progress progress.Tree
}

func (f *statusFlags) state(ctx context.Context, docs persistence.Querier) (s state, err error) {
	byID := []persistence.SortKey{{Path: "_id"}}
	if s.Nodes, err = persistence.Collect[persistence.Node](ctx, docs, persistence.Query{Collection: persistence.Nodes, Sort: byID}); err != nil {
		return s, err
	}
	if s.Leases, err = persistence.Collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases, Sort: byID}); err != nil {
		return s, err
	}
	all, err := persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return s, err
	}
	all = slices.DeleteFunc(all, func(a persistence.Actor) bool {
		return len(f.chains) > 0 && !slices.Contains(f.chains, a.Chain)
	})
	s = snapshot(s.Nodes, s.Leases, all, f.brief)
	s.Audits, err = auditsOf(ctx, docs, f.chains)
	return s, err
}

func snapshot(nodes []persistence.Node, leases []persistence.Lease, all []persistence.Actor, brief bool) state {
	s := state{Nodes: nodes, Leases: leases, brief: brief, progress: progress.Of(all)}
	for _, a := range all {
		if a.Meaning != nil && len(a.Meaning.Changed) > 0 {
			s.Changed = append(s.Changed, fmt.Sprintf("%s/%s/%s (%s)", a.Chain, a.Market, a.Stream, strings.Join(a.Meaning.Changed, ", ")))
		}
	}
	slices.Sort(s.Changed)
	if !brief {
		s.Chains = tree(all)
		return s
	}
	for _, c := range s.progress {
		s.Chains = append(s.Chains, &branch{Name: c.Name, Actor: inBrief(c)})
	}
	return s
}

// inBrief returns the document of a chain's actor with the worst state below it.
func inBrief(c *progress.Chain) *persistence.Actor {
	var a persistence.Actor
	for _, own := range c.Actors {
		if own.ID == c.Name {
			a = own
		}
	}
	a.Restarts, a.Events, a.Lag, a.UpdatedAt = c.Restarts, c.Events(), c.Lag(), c.UpdatedAt
	if c.Head != nil {
		a.Head, a.Endpoints = c.Head.Head, c.Head.Endpoints
	}
	if c.Failing != "" {
		a.Status, a.LastError = c.Failing, c.Reason
	}
	return &a
}

// branch is an actor with its children.
type branch struct {
	Name     string             `json:"name"`
	Actor    *persistence.Actor `json:"actor,omitempty"`
	Children []*branch          `json:"children,omitempty"`
}

// tree arranges the actors' documents as a tree, one root for each chain: an actor's key
// is its path from the root.
func tree(all []persistence.Actor) []*branch {
	root := &branch{}
	for _, a := range all {
		at := root
		for name := range strings.SplitSeq(a.ID, "/") {
			at = at.child(name)
		}
		at.Actor = &a
	}
	root.sort()
	return root.Children
}

func (b *branch) child(name string) *branch {
	for _, c := range b.Children {
		if c.Name == name {
			return c
		}
	}
	c := &branch{Name: name}
	b.Children = append(b.Children, c)
	return c
}

// sort sorts in the order of the data flow: the head before the markets, a market's
// orders before its streams, a subject before its observers, the log's first.
func (b *branch) sort() {
	first := []string{"activity", "subject", "orders", "head"}
	slices.SortFunc(b.Children, func(x, y *branch) int {
		return cmp.Or(
			cmp.Compare(slices.Index(first, y.Name), slices.Index(first, x.Name)),
			strings.Compare(x.Name, y.Name),
		)
	})
	for _, c := range b.Children {
		c.sort()
	}
}

func (b *branch) walk(visit func(*branch)) {
	visit(b)
	for _, c := range b.Children {
		c.walk(visit)
	}
}

func (s state) writeJSON(w io.Writer, at location) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Data string `json:"data"`
		state
	}{cmp.Or(at.folder, at.String()), s})
}
