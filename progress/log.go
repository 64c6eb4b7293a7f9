package progress

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/outage"
	"github.com/imart/event-worker/persistence"
)

// LookEvery is the interval at which to call a Logger's Look.
const LookEvery = 10 * time.Second

const (
	lookTimeout = 10 * time.Second
	calmLooks   = 30 // looks between the summaries of a chain without problems
	busyLooks   = 6  // looks between those of any other chain
)

// Logger logs the progress of a process's streams: changes at each look, and at
// intervals a summary for each chain. If the store cannot be read, the Logger reports
// that once and continues when the store can be read again.
type Logger struct {
	log    *slog.Logger
	docs   persistence.Querier
	node   string
	chains []string // as configured
	// Clustered: the cluster's coordinator logs outages of the store as errors, and this
	// Logger only warns of them.
	Clustered bool

	// Lines: each look logs the progress of the chains that have history to read.
	Lines bool

	looks  int
	window *Window
	behind map[string]bool      // whether a chain had history to read at the last look
	store  outage.Outage        // of reads of the documents
	known  map[string]condition // of the items, at the last look
	meters map[string]*Meter    // by owned chain, reset by each summary
}

// NewLogger returns the Logger of a node that follows some chains.
func NewLogger(log *slog.Logger, docs persistence.Querier, node string, chains []string) *Logger {
	return &Logger{log: log, docs: docs, node: node, chains: chains, window: NewWindow(rateSpan), behind: map[string]bool{}}
}

// Start records how many events the chains have before anything is followed.
func (l *Logger) Start(ctx context.Context) {
	l.meters = map[string]*Meter{}
	t, ok := l.read(ctx, persistence.Filter{})
	if !ok {
		return
	}
	now := time.Now()
	for _, chain := range l.chains {
		l.meters[chain] = NewMeter(now, nil)
	}
	for _, c := range t {
		l.meters[c.Name] = NewMeter(now, Tree{c})
	}
}

// Look logs changes, and summarises the chains that are due.
func (l *Logger) Look(ctx context.Context) error {
	l.looks++
	l.report(ctx, false)
	return nil
}

// CaughtUp logs changes, summarises every chain, and reports that the chains have caught
// up.
func (l *Logger) CaughtUp(ctx context.Context) error {
	l.report(ctx, true)
	l.log.Info("every stream has caught up")
	return nil
}

func (l *Logger) report(ctx context.Context, each bool) {
	t, ok := l.readOwned(ctx)
	if !ok {
		return
	}
	l.rebase(t)
	l.window.Measure(time.Now(), t)
	l.logChanges(t)
	for _, c := range t {
		summarised := l.summarise(c, each)
		if l.Lines && !each {
			l.logProgress(c, summarised)
		}
	}
	if l.Lines && len(t) == 0 && l.looks%calmLooks == 1 {
		l.log.Info("this process owns no chain: other nodes own them all, or have not handed any over yet", "configured", len(l.chains))
	}
}

// rebase makes summaries count only events from the time in which the chain is owned by
// this node: other nodes report the events in between.
func (l *Logger) rebase(t Tree) {
	meters := map[string]*Meter{}
	for _, c := range t {
		meters[c.Name] = l.meters[c.Name]
		if meters[c.Name] == nil {
			meters[c.Name] = NewMeter(time.Now(), Tree{c})
		}
	}
	l.meters = meters
}

// readOwned reads the progress of this node's actors; false if it cannot be read.
func (l *Logger) readOwned(ctx context.Context) (Tree, bool) {
	t, ok := l.read(ctx, persistence.Filter{Condition: persistence.Compare{Path: "node", Operator: persistence.Equal, Operand: l.node}})
	return t.running(), ok
}

// read reads the progress of the configured chains.
func (l *Logger) read(ctx context.Context, filter persistence.Filter) (Tree, bool) {
	within, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	t, err := Read(within, l.docs, filter)
	switch {
	case ctx.Err() != nil:
		return nil, false
	case err == nil:
		if lasted := l.store.End(time.Now()); lasted > 0 {
			var args []any
			if !l.Clustered { // whose beginning is a warning
				args = append(args, outage.Lasted, lasted)
			}
			l.log.Info("the actors' documents can be read again", args...)
		}
	case l.store.Note(time.Now(), 0): // the look has taken a while
		level := slog.LevelError
		if l.Clustered {
			level = slog.LevelWarn
		}
		l.log.Log(ctx, level, "the actors' documents cannot be read: the progress of streams is not logged until they can", "error", err)
	}
	return slices.DeleteFunc(t, func(c *Chain) bool { return !slices.Contains(l.chains, c.Name) }), err == nil
}

// logChanges logs the changes since the last look.
func (l *Logger) logChanges(t Tree) {
	known := map[string]condition{}
	for _, c := range t {
		for _, i := range itemsOf(c) {
			before := l.known[i.id]
			now := before.next(i)
			l.logChange(i, before, now)
			known[i.id] = now
		}
	}
	l.known = known
}

// logChange logs the difference between two conditions of an item.
func (l *Logger) logChange(i item, before, now condition) {
	log := l.log.With(i.what, i.id)
	switch {
	case now.failing && !before.failing:
		log.Warn(i.what+" is failing", "reason", i.Reason)
	case before.failing && !now.failing:
		log.Info(i.what + " has recovered")
	}
	switch {
	case now.late() && !before.late():
		log.Warn("stream has fallen behind", "lag", i.lag)
	case now.behind == 0 && (before.late() || before.behind > 0 && !before.met):
		log.Info("stream has caught up", "lag", i.lag)
	}
}

// summarise logs a summary of a chain if it is due or if always is set, and reports whether
// it did. The summary names only endpoints that are not up.
func (l *Logger) summarise(c *Chain, always bool) (done bool) {
	failing, every := 0, calmLooks
	for _, i := range itemsOf(c) {
		now := l.known[i.id]
		if now.failing {
			failing++
		}
		if now.failing || now.behind > 1 {
			every = busyLooks
		}
	}
	if !always && l.looks%every != 0 {
		return false
	}
	added, undone := l.meters[c.Name].Events(Tree{c})
	streams := len(slices.Collect(c.Streams()))
	attrs := []any{"chain", c.Name, "streams", streams, "events", added, "lag", c.Lag(), "retrying", failing}
	if undone > 0 {
		attrs = append(attrs, "undone", undone)
	}
	if c.Head != nil {
		if down := NotUp(c.Head.Endpoints); len(down) > 0 {
			attrs = append(attrs, "endpoints", strings.Join(down, ", "))
		}
	}
	l.log.Info("summary", attrs...)
	l.meters[c.Name] = NewMeter(time.Now(), Tree{c})
	return true
}
