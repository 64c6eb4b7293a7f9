package progress

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imart/event-worker/persistence"
)

// LookEvery is how often a Logger's Look is to be called.
const LookEvery = 10 * time.Second

const (
	lookTimeout = 10 * time.Second
	calmLooks   = 30 // a chain on which all is well is summed up after so many looks
	busyLooks   = 6  // any other after so many
)

// Logger logs what becomes of the streams of a process: news when it looks, and at
// intervals a line for each chain. A store that cannot be read is no error: the Logger says
// so once, and goes on when it can be read again.
type Logger struct {
	log    *slog.Logger
	docs   persistence.Querier
	node   string
	chains []string // that are configured

	looks  int
	away   bool                 // the documents could not be read at the last look
	known  map[string]condition // of the items, at the last look
	meters map[string]*Meter    // of each chain here, made when it was last summed up
}

// NewLogger makes the Logger of a node that follows some chains.
func NewLogger(log *slog.Logger, docs persistence.Querier, node string, chains []string) *Logger {
	return &Logger{log: log, docs: docs, node: node, chains: chains}
}

// Start notes how many events the chains have before anything is followed.
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

// Look logs the news, and sums up the chains whose turn it is.
func (l *Logger) Look(ctx context.Context) error {
	l.looks++
	l.tell(ctx, false)
	return nil
}

// CaughtUp logs the news, sums up every chain, and says that they have caught up.
func (l *Logger) CaughtUp(ctx context.Context) error {
	l.tell(ctx, true)
	l.log.Info("every stream has caught up")
	return nil
}

func (l *Logger) tell(ctx context.Context, each bool) {
	t, ok := l.mine(ctx)
	if !ok {
		return
	}
	l.rebase(t)
	l.tellNews(t)
	for _, c := range t {
		l.sumUp(c, each)
	}
}

// rebase has a summary count only the events of the time in which the chain is here: what
// other nodes do with it in between is theirs to report.
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

// mine reads the progress of what runs here; false if it cannot be read.
func (l *Logger) mine(ctx context.Context) (Tree, bool) {
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
	case err != nil && !l.away:
		l.log.Warn("the actors' documents cannot be read: no news of streams until they can", "error", err)
	case err == nil && l.away:
		l.log.Info("the actors' documents can be read again")
	}
	l.away = err != nil
	return slices.DeleteFunc(t, func(c *Chain) bool { return !slices.Contains(l.chains, c.Name) }), err == nil
}

// tellNews logs what has changed since the last look.
func (l *Logger) tellNews(t Tree) {
	known := map[string]condition{}
	for _, c := range t {
		for _, i := range itemsOf(c) {
			before := l.known[i.id]
			now := before.next(i)
			l.tellOf(i, before, now)
			known[i.id] = now
		}
	}
	l.known = known
}

// tellOf logs the difference between two conditions of an item.
func (l *Logger) tellOf(i item, before, now condition) {
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

// sumUp logs a line for a chain if it is its turn, or in any case. The line names
// endpoints only if some are not up.
func (l *Logger) sumUp(c *Chain, always bool) {
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
		return
	}
	streams := len(slices.Collect(c.Streams()))
	attrs := []any{"chain", c.Name, "streams", streams, "events", l.meters[c.Name].Events(Tree{c}), "lag", c.Lag(), "retrying", failing}
	if c.Head != nil {
		if down := NotUp(c.Head.Endpoints); len(down) > 0 {
			attrs = append(attrs, "endpoints", strings.Join(down, ", "))
		}
	}
	l.log.Info("summary", attrs...)
	l.meters[c.Name] = NewMeter(time.Now(), Tree{c})
}
