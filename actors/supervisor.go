package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// child is an actor that a supervisor spawns.
type child struct {
	name  string
	props *actor.Props
}

// supervisor is the behaviour of a chain, a market and a worker: it keeps its children
// running, hands the chain's head down the tree, and all other messages up.
type supervisor struct {
	children func(inc *incarnation) []child
	head     messages.Head
	spawned  map[string]child // by the key of their documents
}

// respawn spawns a child again that has stopped.
type respawn struct{ key string }

func (s *supervisor) start(inc *incarnation) {
	s.spawned = map[string]child{}
	for _, c := range s.children(inc) {
		s.spawn(inc, c)
	}
	inc.Send(inc.Parent(), messages.HeadRequest{ReplyTo: inc.Self()})
	inc.setReport(persistence.Report{Status: persistence.Running})
}

func (s *supervisor) stop(*incarnation) {}

func (s *supervisor) spawn(inc *incarnation, c child) {
	pid, err := inc.SpawnNamed(c.props, c.name)
	if err != nil {
		inc.fail(err)
	}
	s.spawned[keyOf(pid)] = c
}

func (s *supervisor) receive(inc *incarnation, message any) {
	switch m := message.(type) {
	case messages.Head:
		s.head = m
		for _, pid := range inc.Children() {
			inc.Send(pid, m)
		}
	case messages.HeadRequest:
		if s.head.View != nil {
			inc.Send(m.ReplyTo, s.head)
		}
	case *actor.Terminated:
		s.lost(inc, keyOf(m.Who))
	case respawn:
		if c, ok := s.spawned[m.key]; ok {
			s.spawn(inc, c)
		}
	default:
		inc.Send(inc.Parent(), message)
	}
}

// lost notes that a child has stopped which its supervisor has not stopped.
func (s *supervisor) lost(inc *incarnation, key string) {
	inc.supervision.failures.add(key, "stopped", 2*inc.supervision.backoff.Max)
	delay := inc.supervision.backoff.delay(inc.supervision.failures.get(key).inARow)
	inc.log.Warn("actor stopped, starting it again", "actor", key, "in", delay.Round(time.Millisecond))
	inc.after(delay, respawn{key})
}
