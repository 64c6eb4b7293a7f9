package panel

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/commands/internal/table"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
	"github.com/imart/event-worker/worker"
)

const (
	// Every is the interval at which the panel is drawn.
	Every = time.Second
	// rateSpan is the time over which rates are measured. Owners report their requests
	// every 5 seconds.
	rateSpan = 15 * time.Second
	// readTimeout bounds a read of the documents.
	readTimeout = 3 * time.Second
	// othersShown bounds the chains of other nodes that are named.
	othersShown = 3
)

// Watcher draws the panel of a running worker, and calls another watcher at longer
// intervals.
type Watcher struct {
	Screen *cli.Screen
	Docs   persistence.Querier
	Node   string
	Title  string
	Chains int // the number of configured chains
	// Then is the other watcher. It looks every ThenEvery.
	Then      worker.Watcher
	ThenEvery time.Duration

	begun  time.Time
	next   time.Time // of Then
	window *progress.Window

	mu     sync.Mutex // the panel is also drawn with each line of the log
	tree   progress.Tree
	read   time.Time // when the tree was read
	failed error     // of reads since
}

// Start draws the first panel.
func (w *Watcher) Start() error {
	w.begun, w.window = time.Now(), progress.NewWindow(rateSpan)
	w.read, w.next = w.begun, w.begun.Add(w.ThenEvery)
	return w.Screen.Show(w.panel)
}

// Stop removes the panel.
func (w *Watcher) Stop() error { return w.Screen.Show(nil) }

// Look implements worker.Watcher.
func (w *Watcher) Look(ctx context.Context) error {
	if now := time.Now(); !now.Before(w.next) {
		w.next = now.Add(w.ThenEvery)
		if err := w.Then.Look(ctx); err != nil {
			return err
		}
	}
	w.update(ctx)
	return w.Screen.Show(w.panel)
}

// CaughtUp implements worker.Watcher.
func (w *Watcher) CaughtUp(ctx context.Context) error { return w.Then.CaughtUp(ctx) }

func (w *Watcher) update(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	tree, err := progress.Read(within, w.Docs, persistence.Filter{})
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = err
	if err != nil {
		return
	}
	w.window.Measure(now, tree)
	w.tree, w.read = tree, now
}

// panel implements cli.Panel.
func (w *Watcher) panel(width, height int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Frame(View{
		Tree: w.tree, Node: w.Node, Title: w.Title, Configured: w.Chains, Lasted: time.Since(w.begun), Failed: w.failed, Age: time.Since(w.read),
	}, width, height, w.Screen.Colours())
}

// View is the content of a panel.
type View struct {
	Tree       progress.Tree
	Node       string // the node whose chains are shown in detail
	Title      string
	Configured int           // the number of configured chains
	Lasted     time.Duration // since the start
	Failed     error         // why the tree is not current
	Age        time.Duration // of the tree
}

// Frame returns the lines of a panel: its title, the chains of the node, and a summary of
// the chains of other nodes. It leaves a quarter of the height to the log.
func Frame(v View, width, height int, colours bool) []string {
	paint := func(ink table.Ink, text string) string { return ink.Line(text, width, colours) }
	own, others := v.Tree.Of(v.Node)
	lines := []string{"", paint(table.Dim, fmt.Sprintf("%s, for %s; Ctrl-C stops", printable.Text(v.Title), Short(v.Lasted)))}
	if v.Failed != nil {
		lines = append(lines, paint(table.Bad, fmt.Sprintf("the documents cannot be read, the progress shown is %s old: %s", Short(v.Age), cli.OneLine(v.Failed))))
	}
	if len(own) == 0 {
		lines = append(lines, paint(table.Note, waitsFor(v, len(others))))
	}
	var after []string
	if len(others) > 0 {
		after = append(after, paint(table.Dim, "on other nodes: "+inBrief(others)))
	}
	if len(own) > 0 {
		room := height - height/4 - len(lines) - len(after)
		lines = append(lines, Lines(own, width, max(2, room), colours)...)
	}
	lines = append(lines, after...)
	return lines[:min(len(lines), max(0, height))]
}

func waitsFor(v View, others int) string {
	switch {
	case len(v.Tree) == 0:
		return fmt.Sprintf("starting %s…", human.Some(int64(v.Configured), "chain"))
	case others > 0:
		return "this process owns no chain yet"
	}
	return "starting…"
}

// inBrief lists the first chains, each with its node and its lag.
func inBrief(t progress.Tree) string {
	var parts []string
	for _, c := range t[:min(len(t), othersShown)] {
		parts = append(parts, brief(c))
	}
	if more := len(t) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, "; ")
}

func brief(c *progress.Chain) string {
	state := c.Failing
	if state == "" {
		state = "lag " + human.Grouped(c.Lag())
	}
	node := "no node"
	for _, a := range c.Actors {
		if a.ID == c.Name && a.Status != persistence.Stopped {
			node = a.Node
		}
	}
	return fmt.Sprintf("%s on %s, %s", c.Name, node, state)
}
