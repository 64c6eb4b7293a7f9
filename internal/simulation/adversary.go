package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/imart/event-worker/persistence"
)

// fault is something that goes wrong in a world. It may last: then heal ends it.
type fault struct {
	name  string
	begin func(w *world, p *process, lasts time.Duration) (heal func())
}

// kinds are all kinds of faults.
var kinds = []fault{
	{"kill", func(w *world, p *process, _ time.Duration) func() {
		w.kill(p)
		return func() { w.restart(p) }
	}},
	{"stop", func(w *world, p *process, _ time.Duration) func() {
		p.leave()
		return func() {
			w.kill(p) // if it has not ended by then
			w.restart(p)
		}
	}},
	{"freeze", func(_ *world, p *process, lasts time.Duration) func() {
		p.frozen = time.Now().Add(lasts)
		return nil
	}},
	{"cut off from the server", func(_ *world, p *process, _ time.Duration) func() {
		p.cut = true
		return func() { p.cut = false }
	}},
	{"answers of the server are lost", func(_ *world, p *process, _ time.Duration) func() {
		p.lossy = true
		return func() { p.lossy = false }
	}},
	{"cut off from the chains and the receiver", func(_ *world, p *process, _ time.Duration) func() {
		p.offline = true
		return func() { p.offline = false }
	}},
	{"the server is away", func(w *world, _ *process, _ time.Duration) func() {
		w.server.away = true
		return func() { w.server.away = false }
	}},
	{"the server's clock jumps", func(w *world, _ *process, _ time.Duration) func() {
		w.server.ahead = time.Duration(w.r.Int64N(int64(2*time.Hour))) - time.Hour
		return nil
	}},
	{"the server's disk lies", func(w *world, _ *process, _ time.Duration) func() {
		w.fail(w.server.save())
		w.backup = w.receiver.Clone()
		return func() { w.powerCut() }
	}},
	{"a rewind", func(w *world, _ *process, _ time.Duration) func() {
		height := w.r.Int64N(40)
		w.ask(persistence.Request{Kind: persistence.RewindRequest, Height: &height})
		return nil
	}},
	{"a pause", func(w *world, _ *process, _ time.Duration) func() {
		of := persistence.Request{Kind: persistence.PauseRequest}
		of.Chain, of.Market, of.Stream = w.stream()
		w.ask(of)
		return func() {
			of.Kind = persistence.ResumeRequest
			w.ask(of)
		}
	}},
	{"a drain", func(w *world, p *process, _ time.Duration) func() {
		node := w.server.living(p.worker)
		if node == "" {
			return nil
		}
		w.ask(persistence.Request{Kind: persistence.DrainRequest, Node: node})
		return func() { w.ask(persistence.Request{Kind: persistence.UndrainRequest, Node: node}) }
	}},
}

// longest is how long a fault lasts at most.
const longest = time.Minute

// suffer has faults happen, some of them at the same time, for as long as the world is not
// calm.
func (w *world) suffer() {
	w.after(time.Duration(w.r.Int64N(int64(longest/2))), "a fault", func() {
		if w.calm {
			return
		}
		f := kinds[w.r.IntN(len(kinds))]
		if w.r.IntN(3) == 0 {
			w.befall(f, w.processes[w.r.IntN(len(w.processes))])
		} else {
			w.strike, w.aim = func(p *process) { w.befall(f, p) }, aims[w.r.IntN(len(aims))]
		}
		w.suffer()
	})
}

// befall has a fault happen, to a process if it is one of a process.
func (w *world) befall(f fault, p *process) {
	lasts := time.Duration(w.r.Int64N(int64(longest)))
	w.counts[f.name]++
	w.trace.note(fmt.Sprintf("%s: %s, for %v", p.title(), f.name, lasts))
	if heal := f.begin(w, p, lasts); heal != nil {
		w.lasting++
		w.after(lasts, "the end of: "+f.name, func() {
			w.lasting--
			heal()
		})
	}
}

// kill ends a process as SIGKILL does.
func (w *world) kill(p *process) {
	p.dead = true
	p.leave()
}

// restart starts a killed worker again, unless that was done.
func (w *world) restart(p *process) {
	for i, latest := range w.processes {
		if latest == p {
			w.ended = append(w.ended, p)
			next, err := w.boot(p.worker)
			w.fail(err)
			w.processes[i] = next
		}
	}
}

// powerCut kills all workers, and returns the server to the state in which it was saved. The
// webhook's receiver is restored from the same time: the server no longer knows what it would
// have to retract there.
func (w *world) powerCut() {
	for _, p := range w.processes {
		w.kill(p)
	}
	w.fail(w.server.restore())
	w.receiver = w.backup.Clone()
	for _, p := range w.processes {
		w.restart(p)
	}
}

// ask asks the owner of a chain, or a node, for something.
func (w *world) ask(r persistence.Request) {
	if r.Chain == "" && !r.ToNode() {
		r.Chain = w.models[w.r.IntN(len(w.models))].Chain.Name
	}
	w.asked++
	r.ID, r.AskedBy = fmt.Sprint("request-", w.asked), "a person"
	w.fail(w.server.store.Ask(context.Background(), []persistence.Request{r}, persistence.AskWithin))
	w.server.changed()
}

// stream draws a stream.
func (w *world) stream() (chain, market, stream string) {
	m := w.models[w.r.IntN(len(w.models))]
	return m.Chain.Name, m.Market.Name, m.Market.Streams[w.r.IntN(len(m.Market.Streams))].Name
}
