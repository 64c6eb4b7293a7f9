package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// activity is the name of the observer that keeps a stream's log.
const activity = "activity"

// worker is what the actors of one stream are made of.
type worker struct {
	*shared
	stream
	epoch  epochFunc
	start  markets.Place
	find   func(context.Context) (markets.Place, error) // finds out the start; nil if it is known
	orders *actor.PID
}

func (w worker) props() *actor.Props {
	claim := w.claim("worker", "")
	if w.find == nil {
		claim.Start = w.start
	}
	return props(w.shared, claim, w.epoch, func() part { return &beginning{worker: w} })
}

func (w worker) children(l *life) []child {
	subject := childOf(l.Self(), "subject")
	children := []child{
		{"subject", w.subjectProps(l.Self())},
		{activity, w.observerProps(activity, subject)},
	}
	if w.Observer != "" {
		children = append(children, child{w.Observer, w.observerProps(w.Observer, subject)})
	}
	return children
}

func (w worker) subjectProps(parent *actor.PID) *actor.Props {
	claim := w.claim("subject", "subject")
	claim.Start = w.start
	stands := map[string]*stand{activity: {}}
	if w.Observer != "" {
		stands[w.Observer] = &stand{}
	}
	return props(w.shared, claim, w.epoch, func() part {
		s := &subject{stream: w.stream, stands: stands, cursors: []*cursor{newCursor(activity, parent)}}
		if w.Observer != "" {
			s.cursors = append(s.cursors, newCursor(w.Observer, parent))
		}
		return s
	})
}

func newCursor(name string, parent *actor.PID) *cursor {
	return &cursor{name: name, pid: childOf(parent, name)}
}

func (w worker) observerProps(name string, subject *actor.PID) *actor.Props {
	claim := w.claim("observer", name)
	claim.Start, claim.Documents = w.start, name != activity
	return props(w.shared, claim, w.epoch, func() part {
		o := &observer{stream: w.stream, name: name, subject: subject, project: logProjection{w.stream}}
		if claim.Documents {
			o.project = &documents{stream: w.stream, orders: w.orders}
		}
		return o
	})
}

func (w worker) claim(kind, name string) persistence.Claim {
	id := w.market.Chain + "/" + w.market.Market + "/" + w.Name
	if name != "" {
		id += "/" + name
	}
	return persistence.Claim{ID: id, Kind: kind, Chain: w.market.Chain, Market: w.market.Market, Stream: w.Name}
}
