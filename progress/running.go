package progress

import (
	"slices"

	"github.com/imart/event-worker/persistence"
)

// running returns the tree without stopped actors.
func (t Tree) running() Tree {
	var out Tree
	for _, c := range t {
		r := &Chain{Name: c.Name, Condition: c.Condition}
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
