package progress

import (
	"slices"

	"github.com/imart/event-worker/persistence"
)

// running returns the tree without stopped actors.
func (t Tree) running() Tree {
	var out Tree
	for _, c := range t {
		r := &Chain{Name: c.Name, Condition: c.Condition, blocks: c.blocks}
		for _, a := range c.Actors {
			if a.Status != persistence.Stopped {
				r.Actors = append(r.Actors, a)
			}
		}
		if c.Head != nil && c.Head.Status != persistence.Stopped {
			r.Head = c.Head
		}
		for _, m := range c.Markets {
			streams := slices.DeleteFunc(slices.Clone(m.Streams), func(s *Stream) bool { return !s.Running })
			r.Markets = append(r.Markets, &Market{m.Name, streams})
		}
		if c.Running {
			out = append(out, r)
		}
	}
	return out
}

// Only returns the tree with the streams for which keep returns true. Chains without any
// are left out.
func (t Tree) Only(keep func(*Stream) bool) Tree {
	var out Tree
	for _, c := range t {
		part := *c
		part.Markets = nil
		for _, m := range c.Markets {
			if streams := slices.DeleteFunc(slices.Clone(m.Streams), func(s *Stream) bool { return !keep(s) }); len(streams) > 0 {
				part.Markets = append(part.Markets, &Market{m.Name, streams})
			}
		}
		if len(part.Markets) > 0 {
			out = append(out, &part)
		}
	}
	return out
}

// Of divides the chains into those that a node follows and all others.
func (t Tree) Of(node string) (own, others Tree) {
	for _, c := range t {
		i := slices.IndexFunc(c.Actors, func(a persistence.Actor) bool { return a.ID == c.Name })
		if i >= 0 && c.Actors[i].Node == node && c.Actors[i].Status != persistence.Stopped {
			own = append(own, c)
		} else {
			others = append(others, c)
		}
	}
	return own, others
}
