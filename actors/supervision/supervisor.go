package supervision

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/messages"
	"github.com/imart/event-worker/persistence"
)

// Child is an actor that a supervisor spawns.
type Child struct {
	Name  string
	Props *actor.Props
}

// Supervisor is the behaviour of a chain, a market and a worker: it keeps its children
// running, hands the chain's head down the tree, and all other messages up.
type Supervisor struct {
	Children func(inc *Incarnation) []Child
	head     messages.Head
	spawned  map[string]Child // by the key of their documents
}

// Respawn spawns a child again that has stopped.
type Respawn struct{ Key string }

func (s *Supervisor) Start(inc *Incarnation) {
	s.spawned = map[string]Child{}
	for _, c := range s.Children(inc) {
		s.spawn(inc, c)
	}
	inc.Send(inc.Parent(), messages.HeadRequest{ReplyTo: inc.Self()})
	inc.SetReport(persistence.Report{Status: persistence.Running})
}

func (s *Supervisor) Stop(*Incarnation) {}

func (s *Supervisor) spawn(inc *Incarnation, c Child) {
	pid, err := inc.SpawnNamed(c.Props, c.Name)
	if err != nil {
		inc.Fail(err)
	}
	s.spawned[KeyOf(pid)] = c
}

func (s *Supervisor) Receive(inc *Incarnation, message any) {
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
		s.lost(inc, KeyOf(m.Who))
	case Respawn:
		if c, ok := s.spawned[m.Key]; ok {
			s.spawn(inc, c)
		}
	default:
		inc.Send(inc.Parent(), message)
	}
}

// lost notes that a child has stopped which its supervisor has not stopped.
func (s *Supervisor) lost(inc *Incarnation, key string) {
	inc.Strategy.Failures.add(key, "stopped", 2*inc.Strategy.Backoff.Max)
	delay := inc.Strategy.Backoff.Delay(inc.Strategy.Failures.Get(key).InARow)
	inc.Log.Warn("actor stopped, starting it again", "actor", key, "in", delay.Round(time.Millisecond))
	inc.After(delay, Respawn{key})
}
