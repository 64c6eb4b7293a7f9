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

// supervisor is the part of a chain, a market and a worker: it keeps its children
// running, hands the chain's head down the tree, and news up.
type supervisor struct {
	children func(l *life) []child
	head     messages.Head
	spawned  map[string]child // by the key of their documents
}

// respawn brings back a child that was stopped.
type respawn struct{ key string }

func (s *supervisor) begin(l *life) {
	s.spawned = map[string]child{}
	for _, c := range s.children(l) {
		s.spawn(l, c)
	}
	l.Send(l.Parent(), messages.HeadRequest{ReplyTo: l.Self()})
	l.say(persistence.Report{Status: persistence.Running})
}

func (s *supervisor) end(*life) {}

func (s *supervisor) spawn(l *life, c child) {
	pid, err := l.SpawnNamed(c.props, c.name)
	if err != nil {
		l.fail(err)
	}
	s.spawned[keyOf(pid)] = c
}

func (s *supervisor) receive(l *life, message any) {
	switch m := message.(type) {
	case messages.Head:
		s.head = m
		for _, pid := range l.Children() {
			l.Send(pid, m)
		}
	case messages.HeadRequest:
		if s.head.View != nil {
			l.Send(m.ReplyTo, s.head)
		}
	case *actor.Terminated:
		s.lost(l, keyOf(m.Who))
	case respawn:
		if c, ok := s.spawned[m.key]; ok {
			s.spawn(l, c)
		}
	default:
		l.Send(l.Parent(), message)
	}
}

// lost notes that a child has stopped that nobody here has stopped.
func (s *supervisor) lost(l *life, key string) {
	l.supervision.failures.add(key, "stopped", 2*l.supervision.backoff.Max)
	delay := l.supervision.backoff.delay(l.supervision.failures.get(key).inARow)
	l.log.Warn("actor stopped, starting it again", "actor", key, "in", delay.Round(time.Millisecond))
	l.after(delay, respawn{key})
}
