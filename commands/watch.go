package commands

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

// How often run looks at the documents of its actors, and after how many looks it
// sums a chain up: one on which all is well, and any other.
const (
	lookEvery   = 10 * time.Second
	lookTimeout = 10 * time.Second
	calmLooks   = 30
	busyLooks   = 6
)

// logWatcher logs what becomes of the streams of a process: at once what is news,
// and at intervals a line for each chain. It needs the documents, but nobody needs
// it: when they are away it says so, and waits.
type logWatcher struct {
	log    *slog.Logger
	docs   querier
	node   string
	chains map[string]string // those of the configuration are its keys

	looks  int
	away   bool                 // the documents could not be read at the last look
	known  map[string]condition // of the parts, at the last look
	summed map[string]int64     // events of each chain when it was last summed up
}

// part is a stream with its actors, or any other actor.
type part struct {
	what              string // stream or actor
	id, chain         string
	running, retrying bool
	reason            string // for retrying
	status            string // a stream's subject's
	said              int64  // the subject's lag, as it last said
	head              int64
	at                []int64 // the heights of a stream's observers
	restarts, events  int64
	notUp             []string // a head's endpoints that are not up
}

// lag is how many heights a stream is behind. Subjects say it with a delay; but where
// nothing happens, only they know that.
func (p part) lag() int64 {
	if len(p.at) == 0 {
		return p.said
	}
	return min(p.said, max(0, p.head-slices.Min(p.at)))
}

// condition is what is remembered of a part.
type condition struct {
	failing  bool
	restarts int64
	met      bool // it was once where finality is
	behind   int  // looks in a row at which it was not
}

// late says whether a part has fallen behind, and not just for a moment.
func (c condition) late() bool { return c.met && c.behind > 1 }

// begin notes how many events there are before anything is done.
func (w *logWatcher) begin(ctx context.Context) {
	w.summed = map[string]int64{}
	all, _ := w.read(ctx, persistence.Filter{})
	for _, p := range all {
		w.summed[p.chain] += p.events
	}
}

func (w *logWatcher) look(ctx context.Context) error {
	w.looks++
	w.tell(ctx, false)
	return nil
}

func (w *logWatcher) caughtUp(ctx context.Context) error {
	w.tell(ctx, true)
	w.log.Info("every stream has caught up")
	return nil
}

// tell logs the news, and sums up the chains whose turn it is, or each of them.
func (w *logWatcher) tell(ctx context.Context, each bool) {
	if all, ok := w.mine(ctx); ok {
		w.tellNews(all)
		w.sumUp(all, each)
	}
}

// mine reads how the parts are that run here; false if they cannot be read.
func (w *logWatcher) mine(ctx context.Context) ([]part, bool) {
	all, ok := w.read(ctx, persistence.Filter{Condition: persistence.Compare{Path: "node", Operator: persistence.Equal, Operand: w.node}})
	return slices.DeleteFunc(all, func(p part) bool { return !p.running }), ok
}

// read reads the parts of the configured chains, by id.
func (w *logWatcher) read(ctx context.Context, filter persistence.Filter) ([]part, bool) {
	within, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	all, err := collect[persistence.Actor](within, w.docs, persistence.Query{Collection: persistence.Actors, Filter: filter})
	switch {
	case ctx.Err() != nil:
		return nil, false
	case err != nil && !w.away:
		w.log.Warn("the actors' documents cannot be read, nothing is said of streams until they can", "error", err)
	case err == nil && w.away:
		w.log.Info("the actors' documents can be read again")
	}
	w.away = err != nil
	return w.parts(all), err == nil
}

// parts are those that actors of the configured chains make up, by id.
func (w *logWatcher) parts(all []persistence.Actor) []part {
	byID := map[string]part{}
	for _, a := range all {
		if _, configured := w.chains[a.Chain]; !configured {
			continue
		}
		what, id := "actor", a.ID
		if a.Stream != "" {
			what, id = "stream", stream{chain: a.Chain, market: a.Market, name: a.Stream}.id()
		}
		p := byID[id]
		p.what, p.id, p.chain = what, id, a.Chain
		byID[id] = p.with(a)
	}
	return slices.SortedFunc(maps.Values(byID), func(p, q part) int { return cmp.Compare(p.id, q.id) })
}

// with is the part with what one of its actors says.
func (p part) with(a persistence.Actor) part {
	p.running = p.running || a.Status != persistence.Stopped
	p.restarts += a.Restarts
	p.head = max(p.head, a.Head)
	if a.Failing() {
		p.retrying, p.reason = true, a.LastError
	}
	p.notUp = append(p.notUp, notUp(a.Endpoints)...)
	switch a.Kind {
	case "subject":
		p.status, p.said = a.Status, a.Lag
	case "observer":
		p.events, p.at = max(p.events, a.Events), append(p.at, a.Height())
	}
	return p
}

// tellNews logs what has become of parts since the last look.
func (w *logWatcher) tellNews(all []part) {
	known := map[string]condition{}
	for _, p := range all {
		before := w.known[p.id]
		now := before.next(p)
		w.tellOf(p, before, now)
		known[p.id] = now
	}
	w.known = known
}

// next is the condition of a part that was in this one at the last look. It is well
// again only after a time without restarts: while it is tried again it looks well.
func (c condition) next(p part) condition {
	n := condition{
		failing:  p.retrying || c.failing && p.restarts != c.restarts,
		restarts: p.restarts,
		met:      c.met || p.status == persistence.Following,
		behind:   c.behind,
	}
	switch p.status {
	case persistence.Backfilling:
		n.behind++
	case persistence.Following:
		n.behind = 0
	}
	return n
}

// tellOf logs the difference between two conditions of a part.
func (w *logWatcher) tellOf(p part, before, now condition) {
	log := w.log.With(p.what, p.id)
	switch {
	case now.failing && !before.failing:
		log.Warn(p.what+" fails", "reason", p.reason)
	case before.failing && !now.failing:
		log.Info(p.what + " is well again")
	}
	switch {
	case now.late() && !before.late():
		log.Warn("stream has fallen behind", "lag", p.lag())
	case now.behind == 0 && (before.late() || before.behind > 0 && !before.met):
		log.Info("stream has caught up", "lag", p.lag())
	}
}

// sumUp logs a line for each chain whose turn it is, or for each of them.
func (w *logWatcher) sumUp(all []part, each bool) {
	byChain := map[string][]part{}
	for _, p := range all {
		byChain[p.chain] = append(byChain[p.chain], p)
	}
	for _, chain := range slices.Sorted(maps.Keys(byChain)) {
		t, every := w.count(byChain[chain]), calmLooks
		if t.failing+t.behind > 0 {
			every = busyLooks
		}
		if each || w.looks%every == 0 {
			w.log.Info("summary", t.summary(chain, w.summed[chain])...)
			w.summed[chain] = t.events
		}
	}
}

// totals are what there is of a chain's parts.
type totals struct {
	streams, behind, failing int
	events, lag              int64 // the worst lag
	notUp                    []string
}

// summary are the attributes of a chain's summary. It names endpoints only if some are
// not up.
func (t totals) summary(chain string, summed int64) []any {
	out := []any{"chain", chain, "streams", t.streams, "events", t.events - summed, "lag", t.lag, "retrying", t.failing}
	if len(t.notUp) > 0 {
		out = append(out, "endpoints", strings.Join(t.notUp, ", "))
	}
	return out
}

func (w *logWatcher) count(parts []part) (t totals) {
	for _, p := range parts {
		t.events += p.events
		t.lag = max(t.lag, p.lag())
		t.notUp = append(t.notUp, p.notUp...)
		if p.what == "stream" {
			t.streams++
		}
		if w.known[p.id].failing {
			t.failing++
		}
		if w.known[p.id].behind > 1 {
			t.behind++
		}
	}
	return t
}
